-- Asks refreshd whether a request may pass. haproxy.cfg loads this file and calls the action
-- lua.authenticate with a path of refreshd. A refusal goes to the client as it is.

local address = "http://127.0.0.1:8079"
local wanted = { "x-auth-identity", "x-auth-session", "x-auth-claims" }
local passed = { "content-type", "www-authenticate", "retry-after", "x-request-id" }
local unavailable = '{"status":503,"message":"Try again soon","error":"unavailable",'
	.. '"causes":["the access token could not be checked, retry after a moment"]}'

-- first returns the first value of a header, or nil. HAProxy counts values from 0.
local function first(headers, name)
	return headers and headers[name] and headers[name][0]
end

-- ready reports whether an answer can go to the client. Without a server HAProxy itself answers
-- 502, 503 or 504, without Retry-After.
local function ready(answer)
	if not answer or not answer.status then
		return false
	end
	return answer.status >= 400 and answer.status < 500
		or answer.status == 503 and first(answer.headers, "retry-after")
end

local function refuse(txn, answer)
	local reply = txn:reply()
	if ready(answer) then
		reply:set_status(answer.status)
		for _, name in ipairs(passed) do
			local value = first(answer.headers, name)
			if value then
				reply:add_header(name, value)
			end
		end
		reply:set_body(answer.body or "")
	else
		reply:set_status(503)
		reply:add_header("content-type", "application/json")
		reply:add_header("retry-after", "1")
		reply:set_body(unavailable)
	end
	txn:done(reply)
end

local function authenticate(txn, path)
	local headers = txn.http:req_get_headers()
	-- A header such as X_Auth_Identity would be the same header to many APIs.
	for name in pairs(headers) do
		if name:gsub("_", "-"):find("^x%-auth%-") then
			txn.http:req_del_header(name)
		end
	end
	local question = { host = headers["host"], authorization = headers["authorization"] }
	question["x-forwarded-for"] = headers["x-forwarded-for"]
	question["x-request-id"] = headers["x-request-id"]
	local answer = core.httpclient():get({
		url = address .. path,
		headers = question,
		timeout = 5000,
	})
	if not answer or answer.status ~= 200 then
		return refuse(txn, answer)
	end
	for _, name in ipairs(wanted) do
		local value = first(answer.headers, name)
		if not value then -- another server than refreshd
			return refuse(txn, nil)
		end
		txn.http:req_set_header(name, value)
	end
end

core.register_action("authenticate", { "http-req" }, authenticate, 1)

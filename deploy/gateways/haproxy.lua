-- The action authenticate asks refreshd about the access token of a request. It sets txn.auth_status
-- to the status of the answer, or to 503 if there is none, and the values of its headers.
local server = os.getenv("REFRESH_SERVER")

core.register_action("authenticate", { "http-req" }, function(txn)
	local sent = txn.http:req_get_headers()["authorization"]
	local values = {}
	if sent then
		for i = 0, #sent do
			values[#values + 1] = sent[i]
		end
	end
	local headers = {}
	if #values > 0 then
		headers["authorization"] = values
	end
	local answer = core.httpclient():get{
		url = server .. txn:get_var("txn.auth_path"),
		headers = headers,
	}
	local status = answer and answer.status or 0
	local function header(name)
		local found = answer and answer.headers and answer.headers[name]
		return found and found[0] or ""
	end
	txn:set_var("txn.auth_identity", header("x-auth-identity"))
	txn:set_var("txn.auth_session", header("x-auth-session"))
	txn:set_var("txn.auth_claims", header("x-auth-claims"))
	txn:set_var("txn.auth_retry", header("retry-after") ~= "" and header("retry-after") or "1")
	if status == 200 and header("x-auth-identity") == "" then
		status = 503 -- another server has answered
	end
	if status == 0 then
		status = 503
	end
	txn:set_var("txn.auth_status", status)
end)

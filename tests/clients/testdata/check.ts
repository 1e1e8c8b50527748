declare const process: { argv: string[] };

// The server, a refresh token that it accepts, and one that has expired.
export const [server, good, expired] = process.argv.slice(2) as [string, string, string];

export function check(ok: unknown, got: unknown): asserts ok {
  if (!ok) throw new Error(`not as wanted: ${JSON.stringify(got)}`);
}

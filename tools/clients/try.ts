// A generated client of TypeScript against a real server: what compiles has typed words, what runs has working calls.
import createClient from "openapi-fetch";
import type { components, paths } from "./hush.js";

type Words = components["schemas"];

const [server, rootKey] = process.argv.slice(2);
if (!server || !rootKey) throw new Error("want a server's URL and its root key");

const hush = createClient<paths>({ baseUrl: server, headers: { Authorization: `Bearer ${rootKey}` } });
const app = "typescript";

// the answer, or what was refused
function took<T>(what: string, r: { data?: T; error?: unknown; response: Response }): T {
  if (r.error !== undefined || r.data === undefined) throw new Error(`${what}: ${r.response.status} ${JSON.stringify(r.error)}`);
  return r.data;
}

function want<T>(what: string, got: T, wanted: T) {
  if (got !== wanted) throw new Error(`${what}: ${got}, want ${wanted}`);
}

const platform: Words["Platform"] = "android";
const role: Words["Role"] = "send";
const result: Words["Result"] = "new_data";
// @ts-expect-error: no such word
const wrong: Words["Mode"] = "loud";

took("app", await hush.PUT("/v1/apps/{app}", { params: { path: { app } }, body: {} }));
const key = took("key", await hush.POST("/v1/apps/{app}/keys", { params: { path: { app } }, body: { role } }));
took("resource", await hush.PUT("/v1/apps/{app}/resources/{resource_id}", {
  params: { path: { app, resource_id: "both" } },
  body: { apns: { ttl: "24h" }, fcm: { ttl: "24h", priority: "normal" } },
}));

const backend = createClient<paths>({ baseUrl: server, headers: { Authorization: `Bearer ${key.secret}` } });
const token = took("user token", await backend.POST("/v1/apps/{app}/user-tokens", { params: { path: { app } }, body: { user: "alice" } }));

const device = took("device", await hush.PUT("/v1/device", {
  headers: { Authorization: `Bearer ${token.token}` },
  body: { device_id: "phone", platform, package: "com.example.notes" },
}));

const refused = await backend.POST("/v1/apps/{app}/pushes", {
  params: { path: { app } },
  body: { to: { users: ["alice"] }, resource_id: "nothing", deliver: wrong },
});
want("the refusal's code", refused.error?.code, "invalid");

const accepted = took("push", await backend.POST("/v1/apps/{app}/pushes", {
  params: { path: { app }, header: { "Idempotency-Key": "once" } },
  body: { to: { users: ["alice"] }, resource_id: "both", payload: "42" },
}));
if (!("push_id" in accepted)) throw new Error("the push was a dry run");

const own = { headers: { Authorization: null, "Hush-Device": device.credential ?? "" } };
const inbox = took("inbox", await hush.GET("/v1/inbox", own));
want("the payload", inbox.deliveries[0]?.payload, "42");
const receipts = took("receipts", await hush.POST("/v1/receipts", {
  ...own, body: { receipts: [{ push_id: accepted.push_id, event: "handled", result, path: "inbox" }] },
}));
want("the receipt", receipts.receipts[0]?.status, "accepted");

const push = took("reading the push", await backend.GET("/v1/apps/{app}/pushes/{push_id}", {
  params: { path: { app, push_id: accepted.push_id } },
}));
want("the state", push.deliveries[0]?.state, "handled");
want("the count of handled", push.counts["handled"], 1);
console.log(`TypeScript: push ${push.push_id} was handled`);

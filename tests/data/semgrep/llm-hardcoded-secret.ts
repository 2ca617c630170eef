// ruleid: llm-hardcoded-secret-typescript
const apiKey = "sk-live-4f9a8b7c6d5e";
// ruleid: llm-hardcoded-secret-typescript
export const options = { host: "db", password: "hunter2hunter2" };
// ruleid: llm-hardcoded-secret-typescript
const secret = process.env.JWT_SECRET ?? "s3cr3t-jwt-key";
// ok: llm-hardcoded-secret-typescript
const token = process.env.TOKEN;
// ok: llm-hardcoded-secret-typescript
const tokenName = "access_token_1";
// ok: llm-hardcoded-secret-typescript
const password = "<your-password-1>";

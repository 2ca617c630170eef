const TABLE = "orders";

export async function run(client: any, name: string, sql: any) {
  // ruleid: llm-sql-fstring-typescript
  await client.query(`SELECT * FROM orders WHERE name = '${name}'`);
  // ruleid: llm-sql-fstring-typescript
  await client.query("SELECT * FROM orders WHERE name = " + name);
  const built = `DELETE FROM orders WHERE name = '${name}'`;
  // ruleid: llm-sql-fstring-typescript
  await client.execute(built);
  // ok: llm-sql-fstring-typescript
  await client.query("SELECT * FROM orders WHERE name = $1", [name]);
  // ok: llm-sql-fstring-typescript
  await client.query(`SELECT * FROM ${TABLE}`);
  // ok: llm-sql-fstring-typescript
  await sql`SELECT * FROM orders WHERE name = ${name}`;
}

import sqlalchemy
from psycopg import sql

TABLE = "orders"


async def run(cursor, connection, session, name, limit, rows):
    # ruleid: llm-sql-fstring
    cursor.execute(f"SELECT * FROM orders WHERE name = '{name}'")
    # ruleid: llm-sql-fstring
    cursor.execute("SELECT * FROM orders WHERE name = '%s'" % name)
    # ruleid: llm-sql-fstring
    cursor.execute("SELECT * FROM orders WHERE name = '{}'".format(name))
    # ruleid: llm-sql-fstring
    cursor.execute("SELECT * FROM orders WHERE name = " + name)
    query = f"DELETE FROM orders WHERE id = {limit}"
    # ruleid: llm-sql-fstring
    await connection.execute(query)
    # ruleid: llm-sql-fstring
    await connection.fetchrow(f"SELECT 1 FROM {name}")
    # ruleid: llm-sql-fstring
    await connection.fetch(f"""
        SELECT * FROM orders
        LIMIT {limit}
    """)
    # ruleid: llm-sql-fstring
    session.execute(sqlalchemy.text(f"UPDATE orders SET name = '{name}'"))
    built = "SELECT * FROM orders"
    built += " WHERE name = " + name
    # ruleid: llm-sql-fstring
    cursor.execute(built)
    # ok: llm-sql-fstring
    cursor.execute("SELECT * FROM orders WHERE name = %s", (name,))
    # ok: llm-sql-fstring
    await connection.fetch("SELECT * FROM orders WHERE id = $1", limit)
    # ok: llm-sql-fstring
    cursor.execute(f"SELECT * FROM {TABLE} WHERE id = %s", (limit,))
    # ok: llm-sql-fstring
    cursor.execute("SELECT * " + "FROM orders")
    # ok: llm-sql-fstring
    cursor.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(name)))
    # ok: llm-sql-fstring
    session.execute(sqlalchemy.text("SELECT :name"), {"name": name})
    # ok: llm-sql-fstring
    print(f"SELECT {name}")
    # ok: llm-sql-fstring
    rows.fetch(name)

"""PostgreSQL's catalog as three questions: what a schema holds, which tables, what else the cluster has."""

from __future__ import annotations

_OWN = "nspname !~ '^pg_' AND nspname <> 'information_schema'"
_RELATION = """
CASE c.relkind
    WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
    WHEN 'S' THEN 'sequence' ELSE 'foreign table' END
"""

# Everything that a migration can make, each as (kind, name, definition).
OBJECTS = f"""
SELECT 'schema', nspname::text, '' FROM pg_namespace WHERE {_OWN}
UNION ALL
SELECT {_RELATION}, nspname || '.' || relname,
    CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) ELSE '' END
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE {_OWN} AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
UNION ALL
SELECT 'column', nspname || '.' || relname || '.' || attname,
    format_type(atttypid, atttypmod) || ' ' || attnotnull::text || ' ' || attidentity::text || attgenerated::text || ' '
    || coalesce(pg_get_expr(adbin, adrelid), '')
FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace
LEFT JOIN pg_attrdef d ON d.adrelid = attrelid AND adnum = attnum
WHERE {_OWN} AND attnum > 0 AND NOT attisdropped AND c.relkind IN ('r', 'p', 'f')
UNION ALL
SELECT 'constraint', nspname || '.' || conname,
    CASE WHEN conrelid = 0 THEN '' ELSE conrelid::regclass::text END || ' ' || pg_get_constraintdef(k.oid)
FROM pg_constraint k JOIN pg_namespace n ON n.oid = connamespace WHERE {_OWN}
UNION ALL
SELECT 'index', schemaname || '.' || indexname, indexdef
FROM pg_indexes JOIN pg_namespace ON nspname = schemaname WHERE {_OWN}
UNION ALL
SELECT 'type', nspname || '.' || typname,
    coalesce((SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid), '')
    || coalesce(format_type(nullif(typbasetype, 0), typtypmod), '')
FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace LEFT JOIN pg_class c ON c.oid = typrelid
WHERE {_OWN} AND (typtype IN ('e', 'd', 'r') OR typtype = 'c' AND c.relkind = 'c')
UNION ALL
SELECT 'function', nspname || '.' || proname,
    CASE WHEN prokind IN ('f', 'p') THEN pg_get_functiondef(p.oid) ELSE '' END
FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
WHERE {_OWN} AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = p.oid AND deptype = 'e')
UNION ALL
SELECT 'trigger', relname || '.' || tgname, pg_get_triggerdef(t.oid)
FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid WHERE NOT tgisinternal
UNION ALL
SELECT 'extension', extname::text, extversion FROM pg_extension
ORDER BY 1, 2, 3
"""  # noqa: S608 - constants of this file

TABLES = f"""
SELECT nspname, relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE {_OWN} AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY 1, 2
"""  # noqa: S608 - constants of this file

CLUSTER = """
SELECT 'database', datname FROM pg_database WHERE NOT datistemplate
UNION ALL SELECT 'role', rolname FROM pg_roles ORDER BY 1, 2
"""

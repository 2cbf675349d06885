-- What tools ask a PostgreSQL catalogue, in our own words: the tables, functions and forms that each uses.

-- Grafana: tables
select case when quote_ident(t.table_schema) in (
    select case when trim(s[i]) = '"$user"' then user else trim(s[i]) end
    from generate_series(array_lower(string_to_array(current_setting('search_path'), ','), 1),
                         array_upper(string_to_array(current_setting('search_path'), ','), 1)) as i,
         string_to_array(current_setting('search_path'), ',') s)
  then quote_ident(t.table_name) else quote_ident(t.table_schema) || '.' || quote_ident(t.table_name) end as "table"
from information_schema.tables t
where quote_ident(t.table_schema) not in ('information_schema', 'pg_catalog', 'timescaledb_information')
order by 1

-- Grafana: columns
select quote_ident(column_name) as "column", data_type as "type" from information_schema.columns
where case when array_length(parse_ident('public.samples'), 1) = 2
  then quote_ident(table_schema) = (parse_ident('public.samples'))[1] and quote_ident(table_name) = (parse_ident('public.samples'))[2]
  else quote_ident(table_name) = 'public.samples' end

-- Grafana: a panel with $__timeGroupAlias and $__timeFilter
select floor(extract(epoch from time) / 300) * 300 as "time", avg(value) as "value" from samples
where time between '2026-01-01T00:00:00Z' and '2026-01-01T06:00:00Z' and path = 'acme/leeds/a/speed' group by 1 order by 1

-- Grafana: the same with TimescaleDB switched on
select time_bucket('300.000s', time) as "time", path as metric, avg(value) from samples
where time between '2026-01-01T00:00:00Z' and '2026-01-01T06:00:00Z' group by 1, 2 order by 1, 2

-- Grafana: version
select current_setting('server_version_num')::int / 100

-- Grafana: extension
select extversion from pg_extension where extname = 'timescaledb'

-- Metabase, JDBC: schemas
select nspname as "TABLE_SCHEM", current_database() as "TABLE_CATALOG" from pg_catalog.pg_namespace
where nspname <> 'pg_toast' and (nspname !~ '^pg_temp_' or nspname = (pg_catalog.current_schemas(true))[1])
  and (nspname !~ '^pg_toast_temp_' or nspname = replace((pg_catalog.current_schemas(true))[1], 'pg_temp_', 'pg_toast_temp_'))
order by "TABLE_SCHEM"

-- Metabase: privileges
with p as (
  select null as role, t.schemaname as schema, t.objectname as table,
    pg_catalog.has_any_column_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"."' || t.objectname || '"', 'update') as update,
    pg_catalog.has_table_privilege(current_user, t.objectname, 'delete') as delete
  from (select schemaname, tablename as objectname from pg_catalog.pg_tables
        union select schemaname, viewname from pg_catalog.pg_views
        union select schemaname, matviewname from pg_catalog.pg_matviews) t
  where t.schemaname !~ '^pg_' and t.schemaname <> 'information_schema'
    and pg_catalog.has_schema_privilege(current_user, t.schemaname, 'usage'))
select p.* from p

-- Metabase: tables
select "n"."nspname" as "schema", "c"."relname" as "name",
  case "c"."relkind" when 'r' then 'TABLE' when 'v' then 'VIEW' else null end as "type",
  "d"."description" as "description", "stat"."n_live_tup" as "rows"
from "pg_catalog"."pg_class" as "c"
  inner join "pg_catalog"."pg_namespace" as "n" on "c"."relnamespace" = "n"."oid"
  left join "pg_catalog"."pg_description" as "d" on ("c"."oid" = "d"."objoid") and ("d"."objsubid" = '0') and ("d"."classoid" = 'pg_class'::regclass)
  left join "pg_stat_user_tables" as "stat" on ("n"."nspname" = "stat"."schemaname") and ("c"."relname" = "stat"."relname")
where ("n"."nspname" !~ '^pg_') and c.relkind in ('r', 'p', 'v', 'f', 'm') and ("n"."nspname" in ('public'))
order by "type" asc, "name" asc

-- DBeaver: schemas
select n.oid, n.*, d.description from pg_catalog.pg_namespace n
left outer join pg_catalog.pg_description d on d.objoid = n.oid and d.objsubid = 0 and d.classoid = 'pg_namespace'::regclass
order by nspname

-- DBeaver: key words
select string_agg(word, ',') from pg_catalog.pg_get_keywords() where word <> all ('{a,abs,absolute,zone}'::text[])

-- DBeaver: types
select t.oid, t.*, c.relkind, format_type(nullif(t.typbasetype, 0), t.typtypmod) as base_type_name, d.description
from pg_catalog.pg_type t
left outer join pg_catalog.pg_type et on et.oid = t.typelem
left outer join pg_catalog.pg_class c on c.oid = t.typrelid
left outer join pg_catalog.pg_description d on t.oid = d.objoid
where t.typname is not null and (c.relkind is null or c.relkind = 'c') and (et.typcategory is null or et.typcategory <> 'C')

-- DBeaver: tables
select c.oid, c.*, d.description, pg_catalog.pg_get_expr(c.relpartbound, c.oid) as partition_expr, pg_catalog.pg_get_partkeydef(c.oid) as partition_key
from pg_catalog.pg_class c
left outer join pg_catalog.pg_description d on d.objoid = c.oid and d.objsubid = 0 and d.classoid = 'pg_class'::regclass
where c.relnamespace = 2200 and c.relkind not in ('i', 'I', 'c')

-- DBeaver: indexes
select i.*, i.indkey as keys, c.relname, pg_catalog.pg_get_expr(i.indpred, i.indrelid) as pred_expr, pg_catalog.pg_stat_get_numscans(i.indexrelid)
from pg_catalog.pg_index i inner join pg_catalog.pg_class c on c.oid = i.indexrelid
where i.indrelid = 16384 order by c.relname

-- pgcli: columns
select nsp.nspname as schema_name, cls.relname, att.attname, att.atttypid::regtype::text as type_name,
  pg_catalog.pg_get_expr(def.adbin, def.adrelid, true) as "default"
from pg_catalog.pg_attribute att
  inner join pg_catalog.pg_class cls on att.attrelid = cls.oid
  inner join pg_catalog.pg_namespace nsp on cls.relnamespace = nsp.oid
  left outer join pg_attrdef def on def.adrelid = att.attrelid and def.adnum = att.attnum
where cls.relkind = any('{r,p,f}') and not att.attisdropped and att.attnum > 0 order by 1, 2, att.attnum

-- pgcli: foreign keys
select s_p.nspname as parentschema, unnest((select array_agg(attname order by i) from
    (select unnest(confkey) as attnum, generate_subscripts(confkey, 1) as i) x
    join pg_catalog.pg_attribute c using (attnum) where c.attrelid = fk.confrelid)) as parentcolumn
from pg_catalog.pg_constraint fk
  join pg_catalog.pg_class t_p on t_p.oid = fk.confrelid
  join pg_catalog.pg_namespace s_p on s_p.oid = t_p.relnamespace
where fk.contype = 'f'

-- pgAdmin: kind of server
select case when (select count(extname) from pg_catalog.pg_extension where extname = 'bdr') > 0 then 'pgd' else null end as type

-- Npgsql: types
select ns.nspname, typ.oid, typ.typname, typ.typtype, typ.typnotnull, typ.elemtypoid
from (select typ.oid, typ.typnamespace, typ.typname, typ.typtype, typ.typnotnull, elemtyp.oid as elemtypoid,
    case when elemproc.proname = 'array_recv' then 'a' else elemtyp.typtype end as elemtyptype
  from (select typ.oid, typnamespace, typname, typrelid, typnotnull, typelem as elemoid,
      case when proc.proname = 'array_recv' then 'a' else typ.typtype end as typtype
    from pg_type as typ
      left join pg_class as cls on (cls.oid = typ.typrelid)
      left join pg_proc as proc on proc.oid = typ.typreceive
      left join pg_range as rng on rng.rngtypid = typ.oid) as typ
    left join pg_type as elemtyp on elemtyp.oid = elemoid
    left join pg_proc as elemproc on elemproc.oid = elemtyp.typreceive) as typ
  join pg_namespace as ns on ns.oid = typ.typnamespace
where typ.typtype in ('b', 'r', 'm', 'e', 'd') or (typ.typtype = 'a' and typ.elemtyptype in ('b', 'r', 'm', 'e', 'd'))
order by typ.oid

-- Npgsql: enumerations
select pg_type.oid, enumlabel from pg_enum join pg_type on pg_type.oid = enumtypid order by oid, enumsortorder

-- JDBC: tables
select current_database() as "TABLE_CAT", n.nspname as "TABLE_SCHEM", c.relname as "TABLE_NAME",
  case n.nspname ~ '^pg_' or n.nspname = 'information_schema' when true then 'SYSTEM TABLE' when false then
    case c.relkind when 'r' then 'TABLE' when 'v' then 'VIEW' else null end else null end as "TABLE_TYPE",
  d.description as "REMARKS"
from pg_catalog.pg_namespace n, pg_catalog.pg_class c
  left join pg_catalog.pg_description d on (c.oid = d.objoid and d.objsubid = 0 and d.classoid = 'pg_class'::regclass)
where c.relnamespace = n.oid and c.relname like 'samples' order by "TABLE_TYPE", "TABLE_SCHEM", "TABLE_NAME"

-- JDBC: columns
select * from (
  select n.nspname, c.relname, a.attname, a.atttypid, a.attnotnull or (t.typtype = 'd' and t.typnotnull) as attnotnull, a.atttypmod, a.attlen,
    row_number() over (partition by a.attrelid order by a.attnum) as attnum, nullif(a.attidentity, '') as attidentity,
    pg_catalog.pg_get_expr(def.adbin, def.adrelid) as adsrc, dsc.description, t.typbasetype, t.typtype
  from pg_catalog.pg_namespace n
    join pg_catalog.pg_class c on (c.relnamespace = n.oid)
    join pg_catalog.pg_attribute a on (a.attrelid = c.oid)
    join pg_catalog.pg_type t on (a.atttypid = t.oid)
    left join pg_catalog.pg_attrdef def on (a.attrelid = def.adrelid and a.attnum = def.adnum)
    left join pg_catalog.pg_description dsc on (c.oid = dsc.objoid and a.attnum = dsc.objsubid)
  where c.relkind in ('r', 'p', 'v', 'f', 'm') and a.attnum > 0 and not a.attisdropped and c.relname like 'samples') c
where true order by nspname, c.relname, attnum

-- JDBC: primary keys
select result."TABLE_CAT", result."COLUMN_NAME", result."KEY_SEQ" from (
  select null as "TABLE_CAT", a.attname as "COLUMN_NAME", (information_schema._pg_expandarray(i.indkey)).n as "KEY_SEQ"
  from pg_catalog.pg_class ct join pg_catalog.pg_attribute a on (ct.oid = a.attrelid)
    join pg_catalog.pg_index i on (a.attrelid = i.indrelid)
  where true and ct.relname = 'samples' and i.indisprimary) result

-- JDBC: a type
select typinput = 'pg_catalog.array_in'::regproc as is_array, typtype, typname, pg_type.oid from pg_catalog.pg_type
left join (select ns.oid as nspoid, ns.nspname, r.r from pg_namespace as ns join (
    select s.r, (current_schemas(false))[s.r] as nspname from generate_series(1, array_upper(current_schemas(false), 1)) as s(r)) as r
  using (nspname)) as sp on sp.nspoid = typnamespace
where pg_type.oid = 1184 order by sp.r, pg_type.oid desc

-- psqlODBC: columns
select n.nspname, c.relname, a.attname, a.atttypid, t.typname, a.attnum, a.attlen, a.atttypmod, a.attnotnull, c.relhasrules, c.relkind, c.oid,
  pg_get_expr(d.adbin, d.adrelid), case t.typtype when 'd' then t.typbasetype else 0 end, t.typtypmod, 0, attidentity, c.relhassubclass
from (((pg_catalog.pg_class c inner join pg_catalog.pg_namespace n on n.oid = c.relnamespace and c.relname like 'samples' and n.nspname like 'public')
  inner join pg_catalog.pg_attribute a on (not a.attisdropped) and a.attnum > 0 and a.attrelid = c.oid)
  inner join pg_catalog.pg_type t on t.oid = a.atttypid) left outer join pg_attrdef d on a.atthasdef and d.adrelid = a.attrelid and d.adnum = a.attnum
order by n.nspname, c.relname, attnum

-- Arrow ADBC: columns
select attname, atttypid from pg_catalog.pg_class as cls inner join pg_catalog.pg_attribute as attr on cls.oid = attr.attrelid
inner join pg_catalog.pg_type as typ on attr.atttypid = typ.oid
where attr.attnum >= 0 and cls.oid = 'samples'::regclass::oid order by attr.attnum

-- Tableau, Power BI: columns
select column_name, data_type, character_maximum_length, numeric_precision, datetime_precision, is_nullable
from information_schema.columns where table_schema = 'public' and table_name = 'samples' order by ordinal_position

-- Power BI: keys
select pkcol.column_name, fkcon.constraint_name from information_schema.referential_constraints fkcon
  join information_schema.key_column_usage pkcol on fkcon.unique_constraint_name = pkcol.constraint_name

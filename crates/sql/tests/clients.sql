-- What tools ask a PostgreSQL catalogue, in our own words: the tables, functions and forms that each uses. Their sources: grafana
-- (grafana-postgresql-datasource), metabase (driver/postgres.clj), dbeaver (ext.postgresql), pgcli, pgadmin4 (templates), npgsql
-- (PostgresDatabaseInfo.cs), pgjdbc (PgDatabaseMetaData, TypeInfoCache), psqlodbc (info.c), arrow-adbc, sqlalchemy (dialects/postgresql),
-- postgres.js, django (introspection). Power BI stands on Npgsql, Tableau on JDBC or ODBC; what they ask themselves is from their logs.
-- After the title: [same] the rows are those of PostgreSQL itself with the same tables; [without a b] the same but for these columns;
-- [finds word] that word is in the answer; [answers] it is a matter of our own data. Numbers of objects are never compared.

-- Grafana: tables [same]
select case when quote_ident(table_schema) in (
    select case when trim(s[i]) = '"$user"' then user else trim(s[i]) end
    from generate_series(array_lower(string_to_array(current_setting('search_path'), ','), 1),
                         array_upper(string_to_array(current_setting('search_path'), ','), 1)) as i,
         string_to_array(current_setting('search_path'), ',') s)
  then quote_ident(table_name) else quote_ident(table_schema) || '.' || quote_ident(table_name) end as "table"
from information_schema.tables
where quote_ident(table_schema) not in ('information_schema', 'pg_catalog', '_timescaledb_cache', 'timescaledb_experimental')
order by case when quote_ident(table_schema) in (
    select case when trim(s[i]) = '"$user"' then user else trim(s[i]) end
    from generate_series(array_lower(string_to_array(current_setting('search_path'), ','), 1),
                         array_upper(string_to_array(current_setting('search_path'), ','), 1)) as i,
         string_to_array(current_setting('search_path'), ',') s)
  then 0 else 1 end, 1

-- Grafana: columns of samples [same]
select quote_ident(column_name) as "column", data_type as "type" from information_schema.columns
where case when array_length(parse_ident('samples'), 1) = 2
  then quote_ident(table_schema) = (parse_ident('samples'))[1] and quote_ident(table_name) = (parse_ident('samples'))[2]
  else quote_ident(table_name) = 'samples' and quote_ident(table_schema) in (
    select case when trim(s[i]) = '"$user"' then user else trim(s[i]) end
    from generate_series(array_lower(string_to_array(current_setting('search_path'), ','), 1),
                         array_upper(string_to_array(current_setting('search_path'), ','), 1)) as i,
         string_to_array(current_setting('search_path'), ',') s) end

-- Grafana: columns of lake.big_lake [same]
select quote_ident(column_name) as "column", data_type as "type" from information_schema.columns
where case when array_length(parse_ident('lake.big_lake'), 1) = 2
  then quote_ident(table_schema) = (parse_ident('lake.big_lake'))[1] and quote_ident(table_name) = (parse_ident('lake.big_lake'))[2]
  else quote_ident(table_name) = 'lake.big_lake' and quote_ident(table_schema) in (
    select case when trim(s[i]) = '"$user"' then user else trim(s[i]) end
    from generate_series(array_lower(string_to_array(current_setting('search_path'), ','), 1),
                         array_upper(string_to_array(current_setting('search_path'), ','), 1)) as i,
         string_to_array(current_setting('search_path'), ',') s) end

-- Grafana: schemas [same]
select schema_name as "name" from information_schema.schemata
where schema_name not in ('information_schema', 'pg_catalog', 'pg_toast', 'timescaledb_information') order by schema_name

-- Grafana: a panel with $__timeGroupAlias and $__timeFilter [same]
select floor(extract(epoch from time) / 300) * 300 as "time", avg(value) as "value" from samples
where time between '2026-01-01T00:00:00Z' and '2026-01-01T06:00:00Z' and path = 'acme/leeds/a/speed' group by 1 order by 1

-- Grafana: $__timeGroup and $__timeFilter with fractions of a second [same]
select floor(extract(epoch from time) / 0.5) * 0.5 as "time", path as metric, max(value) from samples
where time between '2026-01-01T00:00:00.123Z' and '2026-01-01T06:00:00.999999999Z' group by 1, 2 order by 1, 2

-- Grafana: $__timeFrom, $__timeTo, $__time, $__timeEpoch [same]
select time as "time", extract(epoch from time) as "time_epoch", value from samples
where time >= '2026-01-01T00:00:00Z' and time <= '2026-01-01T06:00:00Z' order by 1 limit 100

-- Grafana: $__unixEpochFilter and $__unixEpochGroup [same]
select floor((seq) / 300) * 300 as "time", count(*) from samples where seq >= 1767225600 and seq <= 1767247200 group by 1 order by 1

-- Grafana: the same with TimescaleDB switched on [answers]
select time_bucket('300.000s', time) as "time", path as metric, avg(value) from samples
where time between '2026-01-01T00:00:00Z' and '2026-01-01T06:00:00Z' group by 1, 2 order by 1, 2

-- Grafana: health [same]
select 1

-- Grafana: version [same]
select current_setting('server_version_num')::int / 100 as version

-- Grafana: extension [same]
select extversion from pg_extension where extname = 'timescaledb'

-- Metabase, JDBC: schemas [same]
select nspname as "TABLE_SCHEM", current_database() as "TABLE_CATALOG" from pg_catalog.pg_namespace
where nspname not in ('pg_temp_0', 'pg_toast') and nspname <> 'pg_toast' and (nspname !~ '^pg_temp_' or nspname = (pg_catalog.current_schemas(true))[1])
  and (nspname !~ '^pg_toast_temp_' or nspname = replace((pg_catalog.current_schemas(true))[1], 'pg_temp_', 'pg_toast_temp_'))
order by "TABLE_SCHEM"

-- Metabase: privileges [same]
with table_privileges as (
  select null as role, t.schemaname as schema, t.objectname as table,
    pg_catalog.has_any_column_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"."' || replace(t.objectname, '"', '""') || '"', 'update') as update,
    pg_catalog.has_any_column_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"."' || replace(t.objectname, '"', '""') || '"', 'select') as select,
    pg_catalog.has_any_column_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"."' || replace(t.objectname, '"', '""') || '"', 'insert') as insert,
    pg_catalog.has_table_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"."' || replace(t.objectname, '"', '""') || '"', 'delete') as delete
  from (select schemaname, tablename as objectname from pg_catalog.pg_tables
        union select schemaname, viewname as objectname from pg_catalog.pg_views
        union select schemaname, matviewname as objectname from pg_catalog.pg_matviews) t
  where t.schemaname !~ '^pg_' and t.schemaname <> 'information_schema'
    and pg_catalog.has_schema_privilege(current_user, t.schemaname, 'usage'))
select t.* from table_privileges t

-- Metabase: tables [without empty]
select "n"."nspname" as "schema", "c"."relname" as "name",
  case "c"."relkind" when 'r' then 'TABLE' when 'v' then 'VIEW' else null end as "type",
  "d"."description" as "description", "stat"."relname" is null as "empty"
from "pg_catalog"."pg_class" as "c"
  inner join "pg_catalog"."pg_namespace" as "n" on "c"."relnamespace" = "n"."oid"
  left join "pg_catalog"."pg_description" as "d" on ("c"."oid" = "d"."objoid") and ("d"."objsubid" = '0') and ("d"."classoid" = 'pg_class'::regclass)
  left join "pg_stat_user_tables" as "stat" on ("n"."nspname" = "stat"."schemaname") and ("c"."relname" = "stat"."relname")
where ("n"."nspname" !~ '^pg_') and c.relkind in ('r', 'p', 'v', 'f', 'm') and ("n"."nspname" in ('public', 'lake'))
order by "type" asc, "name" asc

-- Metabase: fields [same]
select c.column_name as name,
  case when c.udt_schema in ('public', 'pg_catalog') then format('%s', c.udt_name) else format('"%s"."%s"', c.udt_schema, c.udt_name) end as "database-type",
  c.ordinal_position - 1 as "database-position", c.table_schema as "table-schema", c.table_name as "table-name", pk.column_name is not null as "pk?",
  col_description(cast(cast(format('%I.%I', cast(c.table_schema as text), cast(c.table_name as text)) as regclass) as oid), c.ordinal_position) as "field-comment",
  (column_default is null or lower(column_default) = 'null') and is_nullable = 'NO'
    and not ((column_default is not null and column_default like '%nextval(%') or is_identity <> 'NO') as "database-required"
from information_schema.columns as c
left join (select tc.table_schema, tc.table_name, kc.column_name from information_schema.table_constraints as tc
    inner join information_schema.key_column_usage as kc on tc.constraint_name = kc.constraint_name and tc.table_schema = kc.table_schema and tc.table_name = kc.table_name
    where tc.constraint_type = 'PRIMARY KEY') as pk
  on c.table_schema = pk.table_schema and c.table_name = pk.table_name and c.column_name = pk.column_name
where c.table_schema !~ '^information_schema|catalog_history|pg_' and c.table_schema in ('public', 'lake')
union all
select pa.attname, case when ptn.nspname in ('public', 'pg_catalog') then format('%s', pt.typname) else format('"%s"."%s"', ptn.nspname, pt.typname) end,
  pa.attnum - 1, pn.nspname, pc.relname, false, null, false
from pg_catalog.pg_class as pc
  inner join pg_catalog.pg_namespace as pn on pn.oid = pc.relnamespace
  inner join pg_catalog.pg_attribute as pa on pa.attrelid = pc.oid
  inner join pg_catalog.pg_type as pt on pt.oid = pa.atttypid
  inner join pg_catalog.pg_namespace as ptn on ptn.oid = pt.typnamespace
where pc.relkind = 'm' and pa.attnum >= 1
order by "table-schema", "table-name", "database-position"

-- Metabase: foreign keys [same]
select fk_ns.nspname as "fk-table-schema", fk_table.relname as "fk-table-name", fk_column.attname as "fk-column-name",
  pk_ns.nspname as "pk-table-schema", pk_table.relname as "pk-table-name", pk_column.attname as "pk-column-name"
from pg_constraint as c
  inner join pg_class as fk_table on c.conrelid = fk_table.oid
  inner join pg_namespace as fk_ns on c.connamespace = fk_ns.oid
  inner join pg_attribute as fk_column on c.conrelid = fk_column.attrelid
  inner join pg_class as pk_table on c.confrelid = pk_table.oid
  inner join pg_namespace as pk_ns on pk_table.relnamespace = pk_ns.oid
  inner join pg_attribute as pk_column on c.confrelid = pk_column.attrelid
where fk_ns.nspname !~ '^information_schema|catalog_history|pg_' and c.contype = 'f'::char
  and fk_column.attnum = any(c.conkey) and pk_column.attnum = any(c.confkey)
order by "fk-table-schema", "fk-table-name"

-- Metabase: enumerations [same]
select nspname, typname from pg_type t join pg_namespace n on n.oid = t.typnamespace
where t.oid in (select distinct enumtypid from pg_enum e)

-- Metabase: indexes [same]
select tmp."table-schema", tmp."table-name", trim(both '"' from pg_catalog.pg_get_indexdef(tmp.ci_oid, tmp.pos, false)) as "field-name"
from (select n.nspname as "table-schema", ct.relname as "table-name", ci.oid as ci_oid, (information_schema._pg_expandarray(i.indkey)).n as pos
  from pg_catalog.pg_class as ct inner join pg_catalog.pg_namespace as n on ct.relnamespace = n.oid
    inner join pg_catalog.pg_index as i on ct.oid = i.indrelid inner join pg_catalog.pg_class as ci on ci.oid = i.indexrelid
  where pg_catalog.pg_get_expr(i.indpred, i.indrelid) is null and n.nspname !~ '^information_schema|catalog_history|pg_') as tmp
where tmp.pos = 1

-- Metabase: a question by month [answers]
select date_trunc('month', samples.time) as "time", count(*) as "count", avg(samples.value) as "avg", stddev_pop(samples.value) as "deviation"
from public.samples where samples.time >= date_trunc('day', now() + (interval '-30 day')) and samples.time < date_trunc('day', now())
group by date_trunc('month', samples.time) order by date_trunc('month', samples.time) asc

-- Metabase: percentile [answers]
select percentile_cont(0.5) within group (order by "source"."value") as "median" from (select value from samples where time > now() - interval '1 hour') as "source"

-- DBeaver: schemas [without description]
select n.oid, n.nspname, n.nspowner, d.description from pg_catalog.pg_namespace n
left outer join pg_catalog.pg_description d on d.objoid = n.oid and d.objsubid = 0 and d.classoid = 'pg_namespace'::regclass
where n.nspname not in ('pg_toast') order by nspname

-- DBeaver: databases [finds ironbridge]
select db.oid, db.datname, db.datistemplate, db.datallowconn from pg_catalog.pg_database db where datallowconn and not datistemplate or db.datname = 'ironbridge' order by db.datname

-- DBeaver: key words [answers]
select string_agg(word, ',') from pg_catalog.pg_get_keywords() where word <> all ('{a,abs,absolute,zone}'::text[])

-- DBeaver: types [finds float8]
select t.oid, t.*, c.relkind, format_type(nullif(t.typbasetype, 0), t.typtypmod) as base_type_name, d.description
from pg_catalog.pg_type t
left outer join pg_catalog.pg_type et on et.oid = t.typelem
left outer join pg_catalog.pg_class c on c.oid = t.typrelid
left outer join pg_catalog.pg_description d on t.oid = d.objoid
where t.typname is not null and (c.relkind is null or c.relkind = 'c') and (et.typcategory is null or et.typcategory <> 'C')

-- DBeaver: tables [same]
select c.oid, c.relname, c.relkind, c.relnatts, c.relhasindex, c.relispartition, d.description, pg_catalog.pg_get_expr(c.relpartbound, c.oid) as partition_expr, pg_catalog.pg_get_partkeydef(c.oid) as partition_key
from pg_catalog.pg_class c
left outer join pg_catalog.pg_description d on d.objoid = c.oid and d.objsubid = 0 and d.classoid = 'pg_class'::regclass
where c.relnamespace = 2200 and c.relkind not in ('i', 'I', 'c')

-- DBeaver: tables of the lake [finds big_lake]
select c.oid, c.*, d.description, pg_catalog.pg_get_expr(c.relpartbound, c.oid) as partition_expr, pg_catalog.pg_get_partkeydef(c.oid) as partition_key
from pg_catalog.pg_class c
left outer join pg_catalog.pg_description d on d.objoid = c.oid and d.objsubid = 0 and d.classoid = 'pg_class'::regclass
where c.relnamespace = 'lake'::regnamespace and c.relkind not in ('i', 'I', 'c')

-- DBeaver: columns [same]
select c.relname, a.attnum, a.attname, a.atttypid, a.attnotnull, a.attlen, a.atttypmod, a.attisdropped, pg_catalog.pg_get_expr(ad.adbin, ad.adrelid, true) as def_value, dsc.description, dep.objid
from pg_catalog.pg_attribute a
inner join pg_catalog.pg_class c on (a.attrelid = c.oid)
left outer join pg_catalog.pg_attrdef ad on (a.attrelid = ad.adrelid and a.attnum = ad.adnum)
left outer join pg_catalog.pg_description dsc on (c.oid = dsc.objoid and a.attnum = dsc.objsubid)
left outer join pg_depend dep on dep.refobjid = a.attrelid and dep.deptype = 'i' and dep.refobjsubid = a.attnum and dep.classid = dep.refclassid and dep.classid = 'pg_class'::regclass
where not a.attisdropped and c.relkind not in ('i', 'I', 'c') and c.oid = 'lake.big_lake'::regclass and a.attnum > 0 order by a.attnum

-- DBeaver: indexes [same]
select i.*, i.indkey as keys, c.relname, pg_catalog.pg_get_expr(i.indpred, i.indrelid) as pred_expr, pg_catalog.pg_stat_get_numscans(i.indexrelid)
from pg_catalog.pg_index i inner join pg_catalog.pg_class c on c.oid = i.indexrelid
where i.indrelid = 16384 order by c.relname

-- DBeaver: functions [finds time_bucket]
select p.oid, p.*, d.description from pg_catalog.pg_proc p left outer join pg_catalog.pg_description d on d.objoid = p.oid
where p.pronamespace = 2200 order by p.proname

-- DBeaver: privileges [without grantor table_catalog]
select * from information_schema.table_privileges where table_schema = 'lake' and table_name = 'big_lake' and grantee = 'PUBLIC'

-- DBeaver: a view's text [finds point_of]
select pg_catalog.pg_get_viewdef('public.filler'::regclass, true) as definition

-- DBeaver: sessions [answers]
select sa.* from pg_catalog.pg_stat_activity sa where datname = 'nowhere'

-- pgcli: columns [same]
select nsp.nspname as schema_name, cls.relname, att.attname, att.atttypid::regtype::text as type_name,
  pg_catalog.pg_get_expr(def.adbin, def.adrelid, true) as "default"
from pg_catalog.pg_attribute att
  inner join pg_catalog.pg_class cls on att.attrelid = cls.oid
  inner join pg_catalog.pg_namespace nsp on cls.relnamespace = nsp.oid
  left outer join pg_attrdef def on def.adrelid = att.attrelid and def.adnum = att.attnum
where cls.relkind = any('{r,p,f}') and not att.attisdropped and att.attnum > 0 and nsp.nspname in ('public', 'lake') order by 1, 2, att.attnum

-- pgcli: functions [finds time_bucket]
select n.nspname as schema_name, p.proname as func_name, p.proargnames,
  coalesce(proallargtypes::regtype[], proargtypes::regtype[])::text[], p.proargmodes, prorettype::regtype::text as return_type,
  p.prokind = 'a' as is_aggregate, p.proretset, d.deptype = 'e' as is_extension, pg_get_expr(proargdefaults, 0) as defaults
from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
left join pg_depend d on d.objid = p.oid and d.deptype = 'e'
where p.prorettype::regtype != 'trigger'::regtype order by 1, 2

-- pgcli: foreign keys [same]
select s_p.nspname as parentschema, unnest((select array_agg(attname order by i) from
    (select unnest(confkey) as attnum, generate_subscripts(confkey, 1) as i) x
    join pg_catalog.pg_attribute c using (attnum) where c.attrelid = fk.confrelid)) as parentcolumn
from pg_catalog.pg_constraint fk
  join pg_catalog.pg_class t_p on t_p.oid = fk.confrelid
  join pg_catalog.pg_namespace s_p on s_p.oid = t_p.relnamespace
where fk.contype = 'f'

-- pgAdmin: kind of server [same]
select case when (select count(extname) from pg_catalog.pg_extension where extname = 'bdr') > 0 then 'pgd' else null end as type

-- pgAdmin: databases [same]
select db.oid as did, db.datname as name, ta.spcname as spcname, db.datallowconn, db.datistemplate as is_template,
  pg_catalog.has_database_privilege(db.oid, 'CREATE') as cancreate, datdba as owner, descr.description
from pg_catalog.pg_database db
  left outer join pg_catalog.pg_tablespace ta on db.dattablespace = ta.oid
  left outer join pg_catalog.pg_shdescription descr on (db.oid = descr.objoid and descr.classoid = 'pg_database'::regclass)
where db.oid > 16383::oid or db.datname in ('edb') order by datname

-- pgAdmin: schemas [same]
select nsp.oid, nsp.nspname as name, pg_catalog.has_schema_privilege(nsp.oid, 'CREATE') as can_create,
  pg_catalog.has_schema_privilege(nsp.oid, 'USAGE') as has_usage
from pg_catalog.pg_namespace nsp
where nspname not like E'pg\\_%' and not (
  (nsp.nspname = 'pg_catalog' and exists (select 1 from pg_catalog.pg_class where relname = 'pg_class' and relnamespace = nsp.oid limit 1))
  or (nsp.nspname = 'information_schema' and exists (select 1 from pg_catalog.pg_class where relname = 'tables' and relnamespace = nsp.oid limit 1)))
order by nspname

-- pgAdmin: tables [same]
select rel.oid, rel.relname as name,
  (select count(*) from pg_catalog.pg_trigger where tgrelid = rel.oid and tgisinternal = false) as triggercount,
  (select count(*) from pg_catalog.pg_trigger where tgrelid = rel.oid and tgisinternal = false and tgenabled = 'O') as has_enable_triggers,
  (select count(1) from pg_catalog.pg_inherits where inhrelid = rel.oid limit 1) as is_inherits,
  (select count(1) from pg_catalog.pg_inherits where inhparent = rel.oid limit 1) as is_inherited
from pg_catalog.pg_class rel where rel.relkind in ('r', 's', 't', 'p') and rel.relnamespace = 2200::oid and not rel.relispartition order by rel.relname

-- pgAdmin: columns [same]
select a.attname as name, pg_catalog.format_type(a.atttypid, null) as cltype, pg_catalog.pg_get_expr(def.adbin, def.adrelid) as defval,
  pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) as inheritedfrom, c.oid as inheritedid
from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on c.relnamespace = n.oid
  join pg_catalog.pg_attribute a on a.attrelid = c.oid and not a.attisdropped and a.attnum > 0
  left outer join pg_catalog.pg_attrdef def on adrelid = a.attrelid and adnum = a.attnum
where c.relname = 'latest'

-- pgAdmin: views [same]
select c.oid, c.relname as name from pg_catalog.pg_class c
where c.relkind = 'v' and c.relnamespace = 2200::oid order by c.relname

-- pgAdmin: functions [without lanname]
select pr.oid, case when pg_catalog.pg_get_function_identity_arguments(pr.oid) <> '' then
    pr.proname || '(' || pg_catalog.pg_get_function_identity_arguments(pr.oid) || ')' else pr.proname::text || '()' end as name,
  lanname, pg_catalog.pg_get_userbyid(proowner) as funcowner, d.description
from pg_catalog.pg_proc pr
  join pg_catalog.pg_type typ on typ.oid = prorettype
  join pg_catalog.pg_language lng on lng.oid = prolang
  left outer join pg_catalog.pg_description d on (d.objoid = pr.oid and d.classoid = 'pg_proc'::regclass)
where pr.prokind in ('f', 'w') and pronamespace = 2200::oid and typname not in ('trigger', 'event_trigger') order by proname

-- Npgsql: types [finds _float8]
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

-- Npgsql: composites [same]
select typ.oid, att.attname, att.atttypid from pg_type as typ
  join pg_namespace as ns on (ns.oid = typ.typnamespace) join pg_class as cls on (cls.oid = typ.typrelid)
  join pg_attribute as att on (att.attrelid = typ.typrelid)
where (typ.typtype = 'c' and cls.relkind = 'c') and attnum > 0 and not attisdropped order by typ.oid, att.attnum

-- Npgsql: enumerations [same]
select pg_type.oid, enumlabel from pg_enum join pg_type on pg_type.oid = enumtypid order by oid, enumsortorder

-- Power BI: tables [same]
select table_schema, table_name, table_type from information_schema.tables
where table_schema not in ('information_schema', 'pg_catalog') order by table_schema, table_name

-- Power BI: columns [same]
select column_name, ordinal_position, is_nullable, case when (udt_name like '%bpchar%' or udt_name like '%varchar%') then udt_name else data_type end as data_type
from information_schema.columns where table_schema = 'public' and table_name = 'samples' order by table_schema, table_name, ordinal_position

-- Power BI: keys of the table [same]
select ii.column_name, ii.ordinal_position, i.constraint_type = 'PRIMARY KEY' as primary_key
from information_schema.table_constraints i inner join information_schema.key_column_usage ii
  on i.constraint_schema = ii.constraint_schema and i.constraint_name = ii.constraint_name and i.table_schema = ii.table_schema and i.table_name = ii.table_name
where i.table_schema = 'public' and i.table_name = 'samples' and i.constraint_type in ('PRIMARY KEY', 'UNIQUE') order by i.constraint_name

-- Power BI: keys [same]
select pkcol.column_name, fkcon.constraint_name from information_schema.referential_constraints fkcon
  join information_schema.key_column_usage pkcol on fkcon.unique_constraint_name = pkcol.constraint_name

-- Power BI: a table shown [answers]
select "$Table"."path" as "path", "$Table"."value" as "value" from "public"."samples" "$Table" limit 1000

-- Power BI: rows grouped [answers]
select "rows"."quality" as "quality", count(1) as "n" from (select "quality", "value" from "public"."samples" "$Table"
  where "$Table"."time" >= timestamp '2026-01-01 00:00:00') "rows" group by "quality"

-- JDBC: tables [without TABLE_CAT]
select current_database() as "TABLE_CAT", n.nspname as "TABLE_SCHEM", c.relname as "TABLE_NAME",
  case n.nspname ~ '^pg_' or n.nspname = 'information_schema' when true then 'SYSTEM TABLE' when false then
    case c.relkind when 'r' then 'TABLE' when 'v' then 'VIEW' else null end else null end as "TABLE_TYPE",
  d.description as "REMARKS"
from pg_catalog.pg_namespace n, pg_catalog.pg_class c
  left join pg_catalog.pg_description d on (c.oid = d.objoid and d.objsubid = 0 and d.classoid = 'pg_class'::regclass)
where c.relnamespace = n.oid and c.relname like 'samples' order by "TABLE_TYPE", "TABLE_SCHEM", "TABLE_NAME"

-- JDBC: columns [same]
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

-- JDBC: primary keys [same]
select result."TABLE_CAT", result."COLUMN_NAME", result."KEY_SEQ" from (
  select null as "TABLE_CAT", a.attname as "COLUMN_NAME", (information_schema._pg_expandarray(i.indkey)).n as "KEY_SEQ"
  from pg_catalog.pg_class ct join pg_catalog.pg_attribute a on (ct.oid = a.attrelid)
    join pg_catalog.pg_index i on (a.attrelid = i.indrelid)
  where true and ct.relname = 'samples' and i.indisprimary) result

-- JDBC: a type [finds timestamptz]
select typinput = 'pg_catalog.array_in'::regproc as is_array, typtype, typname, pg_type.oid from pg_catalog.pg_type
left join (select ns.oid as nspoid, ns.nspname, r.r from pg_namespace as ns join (
    select s.r, (current_schemas(false))[s.r] as nspname from generate_series(1, array_upper(current_schemas(false), 1)) as s(r)) as r
  using (nspname)) as sp on sp.nspoid = typnamespace
where pg_type.oid = 1184 order by sp.r, pg_type.oid desc

-- JDBC: an array [same]
select typinput = 'pg_catalog.array_in'::regproc as is_array, typtype, typname from pg_catalog.pg_type where oid in (1022, 701) order by oid

-- JDBC: privileges [same]
select n.nspname, c.relname, r.rolname from pg_catalog.pg_namespace n, pg_catalog.pg_class c, pg_catalog.pg_roles r
where c.relnamespace = n.oid and c.relowner = r.oid and c.relkind = any(array['r', 'p', 'v', 'm', 'f']) and n.nspname in ('public', 'lake') order by nspname, relname

-- psqlODBC: columns [same]
select n.nspname, c.relname, a.attname, a.atttypid, t.typname, a.attnum, a.attlen, a.atttypmod, a.attnotnull, c.relhasrules, c.relkind, c.oid,
  pg_get_expr(d.adbin, d.adrelid), case t.typtype when 'd' then t.typbasetype else 0 end, t.typtypmod, 0, attidentity as ident, c.relhassubclass
from (((pg_catalog.pg_class c inner join pg_catalog.pg_namespace n on n.oid = c.relnamespace and c.relname like 'samples' and n.nspname like 'public')
  inner join pg_catalog.pg_attribute a on (not a.attisdropped) and a.attnum > 0 and a.attrelid = c.oid)
  inner join pg_catalog.pg_type t on t.oid = a.atttypid) left outer join pg_attrdef d on a.atthasdef and d.adrelid = a.attrelid and d.adnum = a.attnum
order by n.nspname, c.relname, attnum

-- psqlODBC: tables [same]
select relname, nspname, relkind from pg_catalog.pg_class c, pg_catalog.pg_namespace n
where relkind in ('r', 'v', 'm', 'f', 'p') and nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'pg_temp_1') and n.oid = relnamespace order by nspname, relname

-- psqlODBC: primary keys [same]
select ta.attname, ia.attnum, ic.relname, n.nspname, tc.relname from pg_catalog.pg_attribute ta, pg_catalog.pg_attribute ia, pg_catalog.pg_class tc, pg_catalog.pg_index i,
  pg_catalog.pg_namespace n, pg_catalog.pg_class ic
where tc.relname = 'samples' and n.nspname = 'public' and tc.oid = i.indrelid and n.oid = tc.relnamespace and i.indisprimary = 't' and ia.attrelid = i.indexrelid
  and ta.attrelid = i.indrelid and ta.attnum = i.indkey[ia.attnum - 1] and (not ta.attisdropped) and (not ia.attisdropped) and ic.oid = i.indexrelid order by ia.attnum

-- Arrow ADBC: columns [same]
select attname, atttypid from pg_catalog.pg_class as cls inner join pg_catalog.pg_attribute as attr on cls.oid = attr.attrelid
inner join pg_catalog.pg_type as typ on attr.atttypid = typ.oid
where attr.attnum >= 0 and cls.oid = 'samples'::regclass::oid order by attr.attnum

-- Arrow ADBC: types [finds float8]
select oid, typname, typreceive, typbasetype, typrelid, typarray from pg_catalog.pg_type
where (typreceive <> 0 or typsend <> 0) and typtype <> 'r' and typreceive::text <> 'array_recv'

-- Tableau: columns [same]
select column_name, data_type, character_maximum_length, numeric_precision, datetime_precision, is_nullable
from information_schema.columns where table_schema = 'public' and table_name = 'samples' order by ordinal_position

-- Tableau: what the server can do [same]
select 1 as number_of_records from (select 1) as "CheckIsolation" limit 1

-- Tableau: a sheet [answers]
select "samples"."path" as "path", avg("samples"."value") as "avg:value:ok", date_trunc('HOUR', "samples"."time") as "thr:time:ok"
from "public"."samples" "samples" where ("samples"."good" = true) group by 1, 3

-- SQLAlchemy: columns [same]
select pg_attribute.attname as name, format_type(pg_attribute.atttypid, pg_attribute.atttypmod) as format_type,
  (select pg_get_expr(pg_attrdef.adbin, pg_attrdef.adrelid) from pg_attrdef where pg_attrdef.adrelid = pg_attribute.attrelid
    and pg_attrdef.adnum = pg_attribute.attnum and pg_attribute.atthasdef) as "default",
  pg_attribute.attnotnull as not_null, pg_class.relname as table_name, pg_description.description as comment, pg_attribute.attgenerated as generated
from pg_class
  left outer join pg_attribute on pg_class.oid = pg_attribute.attrelid and pg_attribute.attnum > 0 and not pg_attribute.attisdropped
  left outer join pg_description on pg_description.objoid = pg_attribute.attrelid and pg_description.objsubid = pg_attribute.attnum
  join pg_namespace on pg_namespace.oid = pg_class.relnamespace
where pg_class.relkind = any(array['r', 'p', 'f', 'v', 'm']) and pg_table_is_visible(pg_class.oid) and pg_namespace.nspname <> 'pg_catalog'
order by pg_class.relname, pg_attribute.attnum

-- SQLAlchemy: tables of a schema [same]
select pg_class.relname from pg_class join pg_namespace on pg_namespace.oid = pg_class.relnamespace
where pg_class.relkind = any(array['r', 'p']) and pg_class.relpersistence <> 't' and pg_namespace.nspname = 'lake'

-- node-postgres, postgres.js: types of arrays [finds 1022]
select b.oid, b.typarray from pg_catalog.pg_type a left join pg_catalog.pg_type b on b.oid = a.typelem
where a.typcategory = 'A' group by b.oid, b.typarray order by b.oid

-- Django: tables [same]
select c.relname, case when c.relispartition then 'p' when c.relkind in ('m', 'v') then 'v' else 't' end, obj_description(c.oid, 'pg_class')
from pg_catalog.pg_class c left join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('f', 'm', 'p', 'r', 'v') and n.nspname not in ('pg_catalog', 'pg_toast') and pg_catalog.pg_table_is_visible(c.oid)

-- JDBC: functions and what is given to them [finds 25 1184]
select n.nspname, p.proname, p.prorettype, p.proargtypes, t.typtype, t.typrelid, p.proargnames, p.proargmodes, p.proallargtypes, p.oid
from pg_catalog.pg_proc p, pg_catalog.pg_namespace n, pg_catalog.pg_type t
where p.pronamespace = n.oid and p.prorettype = t.oid and n.nspname like 'public' and p.proname like 'time_bucket' order by n.nspname, p.proname, p.oid::text

#include "persistence/postgres/migrations.hpp"

#include "base/crash_point.hpp"
#include "base/log.hpp"
#include "persistence/postgres/connection_settings.hpp"

#include <array>

namespace orrery::postgres {

namespace {

constexpr const char* tables = R"sql(
-- One row per shard, updated by every commit: room on the page keeps its versions there.
create table shards (
  shard integer primary key,
  owner text not null default '',
  epoch bigint not null default 0,
  position bigint not null default 0,
  published bigint not null default 0,
  orders_next bigint not null default 0,
  tasks_next bigint not null default 0,
  task_counts bigint[] not null default '{}',
  order_counts bigint[] not null default '{}',
  acquired_at timestamptz
) with (fillfactor = 20);

create view intake_offsets as
  select shard, 'orders' as topic, orders_next as next from shards
  union all
  select shard, 'tasks' as topic, tasks_next as next from shards;

-- All events of one commit in one value.
create table journal (
  shard integer not null,
  first bigint not null,
  last bigint not null,
  at timestamptz not null,
  events bytea not null,
  primary key (shard, first)
);
alter table journal alter column events set storage external;

create table tasks (
  id uuid primary key,
  shard integer not null,
  status smallint not null,
  priority integer not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  wake_at timestamptz,
  waits_until timestamptz,
  finished_at timestamptz,
  kind text not null,
  queue text not null,
  reference text,
  tags text[],
  body bytea not null,
  history bytea not null
);
create index tasks_created_at on tasks (created_at);
create index tasks_waiting on tasks (shard, wake_at, id) where wake_at is not null;
-- PAUSED, FAILED, EXPIRED, CANCELLED: few among many, and what operators look for. An index that
-- names status forbids HOT updates, but every move of a task changes wake_at, which is in an index
-- already.
create index tasks_troubled on tasks (created_at) where status in (4, 6, 7, 8);
create index tasks_reference on tasks (reference) where reference is not null;
create index tasks_tags on tasks using gin (tags) where tags is not null;

create table orders (
  id uuid primary key,
  shard integer not null,
  status smallint not null,
  quantity bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  wake_at timestamptz,
  finished_at timestamptz,
  product text not null,
  customer text not null,
  reference text,
  body bytea not null,
  history bytea not null
);
-- None of these names status: an order that never expires moves by HOT updates.
create index orders_created_at on orders (created_at);
create index orders_waiting on orders (shard, wake_at, id) where wake_at is not null;
create index orders_reference on orders (reference) where reference is not null;

create table dead_letters (
  id bigint generated always as identity primary key,
  shard integer not null,
  source smallint not null,
  "offset" bigint not null,
  at timestamptz not null,
  reason text not null,
  key bytea not null,
  value bytea not null
);
create index dead_letters_at on dead_letters (at, id);

create table nodes (
  name text primary key,
  mesh_address text not null,
  http_address text not null,
  version text not null,
  started_at timestamptz not null,
  seen_at timestamptz not null
);

-- Moves the shards of one commit on from the expected epoch and position, or raises with the list
-- of those that had moved.
create function fence(shard_list integer[], epochs bigint[], expected bigint[], reached bigint[],
                      orders_list bigint[], tasks_list bigint[],
                      task_count_list text[], order_count_list text[]) returns void
language plpgsql as $$
declare
  stale text;
begin
  with wanted as (
    select * from unnest(shard_list, epochs, expected, reached, orders_list, tasks_list,
                         task_count_list, order_count_list)
      as w(number, of_epoch, before, after, orders_to, tasks_to, tasks_in, orders_in)
  ), moved as (
    update shards s set position = w.after, orders_next = w.orders_to, tasks_next = w.tasks_to,
                        task_counts = w.tasks_in::bigint[], order_counts = w.orders_in::bigint[]
      from wanted w
     where s.shard = w.number and s.epoch = w.of_epoch and s.position = w.before
    returning s.shard
  )
  select string_agg(number::text, ',' order by number) into stale
    from wanted where number not in (select m.shard from moved m);
  if stale is not null then
    raise exception using errcode = 'OR001', message = 'epoch or position has moved',
                          detail = stale;
  end if;
end $$;

-- Stops a commit whose update did not find every row.
create function expect_rows(present bigint, wanted bigint, place text) returns void
language plpgsql as $$
begin
  if present <> wanted then
    raise exception using errcode = 'OR002',
      message = format('%s of %s rows to update in %s are there', present, wanted, place);
  end if;
end $$;
)sql";

// Letters of earlier versions went to their topic without a note of it.
constexpr const char* settled_letters = R"sql(
alter table dead_letters
  add column headers bytea not null default '',
  add column copied boolean not null default true,
  add column state smallint not null default 0,
  add column settled_at timestamptz,
  add column settled_by text not null default '',
  add column note text not null default '',
  add column redriven_to bigint not null default -1,
  add column edited boolean not null default false;
alter table dead_letters alter column copied set default false;
create index dead_letters_to_copy on dead_letters (shard, id) where not copied;
)sql";

/// The fence holds the offsets too: a batch without events does not pass it twice.
constexpr const char* fence_by_offsets = R"sql(
drop function fence(integer[], bigint[], bigint[], bigint[], bigint[], bigint[], text[], text[]);
create function fence(shard_list integer[], epochs bigint[], expected bigint[], reached bigint[],
                      orders_list bigint[], tasks_list bigint[],
                      orders_before bigint[], tasks_before bigint[],
                      task_count_list text[], order_count_list text[]) returns void
language plpgsql as $$
declare
  stale text;
begin
  with wanted as (
    select * from unnest(shard_list, epochs, expected, reached, orders_list, tasks_list,
                         orders_before, tasks_before, task_count_list, order_count_list)
      as w(number, of_epoch, before, after, orders_to, tasks_to, orders_from, tasks_from,
           tasks_in, orders_in)
  ), moved as (
    update shards s set position = w.after, orders_next = w.orders_to, tasks_next = w.tasks_to,
                        task_counts = w.tasks_in::bigint[], order_counts = w.orders_in::bigint[]
      from wanted w
     where s.shard = w.number and s.epoch = w.of_epoch and s.position = w.before
       and s.orders_next = w.orders_from and s.tasks_next = w.tasks_from
    returning s.shard
  )
  select string_agg(number::text, ',' order by number) into stale
    from wanted where number not in (select m.shard from moved m);
  if stale is not null then
    raise exception using errcode = 'OR001', message = 'epoch, position or offsets have moved',
                          detail = stale;
  end if;
end $$;
)sql";

constexpr const char* flows = R"sql(
create table flows (
  name text not null,
  version integer not null,
  at timestamptz not null,
  body bytea not null,
  primary key (name, version)
);
)sql";

constexpr const char* store_identity = R"sql(
alter table system add column identity uuid not null default gen_random_uuid();
)sql";

// Accounts: six tables of one shape (domain/ports/identity_store.hpp), and the audit log.
constexpr const char* accounts = R"sql(
create table users (
  key text primary key,
  owner text not null,
  body text not null,
  version bigint not null,
  expires_at timestamptz
);
create table sessions (
  key text primary key,
  owner text not null,
  body text not null,
  version bigint not null,
  expires_at timestamptz
);
create table api_keys (
  key text primary key,
  owner text not null,
  body text not null,
  version bigint not null,
  expires_at timestamptz
);
create table signing_keys (
  key text primary key,
  owner text not null,
  body text not null,
  version bigint not null,
  expires_at timestamptz
);
create table throttles (
  key text primary key,
  owner text not null,
  body text not null,
  version bigint not null,
  expires_at timestamptz
);
create table answers (
  key text primary key,
  owner text not null,
  body text not null,
  version bigint not null,
  expires_at timestamptz
);
create index sessions_owner on sessions (owner, key);
create index api_keys_owner on api_keys (owner, key);
create table audit_log (
  number bigint generated always as identity primary key,
  at timestamptz not null,
  actor text not null,
  action text not null,
  target text not null,
  outcome text not null,
  reason text not null,
  address text not null,
  request_id text not null,
  node text not null
);
)sql";

constexpr const char* settings = R"sql(
create table settings (
  name text primary key,
  value bytea not null,
  version bigint not null
);
)sql";

/// What tasks are found by, and how many of a queue and kind are in each status.
constexpr const char* task_search = R"sql(
alter table tasks add column description text, add column unique_key text, add column held_key text;
create index tasks_described on tasks (created_at) where description is not null;
create index tasks_by_key on tasks (unique_key, created_at) where unique_key is not null;
create index tasks_holding on tasks (shard, held_key) where held_key is not null;

create table queue_counts (
  shard integer not null,
  queue text not null,
  kind text not null,
  counts bigint[] not null,
  primary key (shard, queue, kind)
) with (fillfactor = 50);
insert into queue_counts
  select shard, queue, kind,
         array[count(*) filter (where status = 0), count(*) filter (where status = 1),
               count(*) filter (where status = 2), count(*) filter (where status = 3),
               count(*) filter (where status = 4), count(*) filter (where status = 5),
               count(*) filter (where status = 6), count(*) filter (where status = 7),
               count(*) filter (where status = 8)]
    from tasks group by shard, queue, kind;

create table operations (
  id uuid primary key,
  state smallint not null,
  node text not null,
  stop boolean not null,
  updated_at timestamptz not null,
  body text not null
);
create index operations_running on operations (id) where state = 0;

-- Adds two arrays of counts; what one of them lacks counts as 0.
create function add_counts(a bigint[], b bigint[]) returns bigint[]
language sql immutable as $$
  select array_agg(coalesce(x, 0) + coalesce(y, 0) order by n)
    from unnest(a, b) with ordinality as pair(x, y, n)
$$;
)sql";

constexpr const char* schedule_table = R"sql(
create table schedules (
  id uuid primary key,
  shard integer not null,
  status smallint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  wake_at timestamptz,
  finished_at timestamptz,
  name text not null,
  body bytea not null,
  history bytea not null
) with (fillfactor = 70);
create index schedules_created_at on schedules (created_at);
create index schedules_waiting on schedules (shard, wake_at, id) where wake_at is not null;
create index schedules_name on schedules (name);
)sql";

constexpr const char* task_logs = R"sql(
-- What attempts wrote: a head for each, and its lines in chunks. The oldest chunks go first.
create table task_log_heads (
  task uuid not null,
  run integer not null,
  attempt integer not null,
  node text not null,
  stamp bigint not null,
  newest bigint not null,
  lines bigint not null,
  bytes bigint not null,
  lost_lines bigint not null,
  lost_bytes bigint not null,
  written_at timestamptz not null,
  primary key (task, run, attempt)
) with (fillfactor = 70);
create index task_log_heads_age on task_log_heads (node, written_at) include (bytes)
  where bytes > 0;
create table task_log_chunks (
  task uuid not null,
  run integer not null,
  attempt integer not null,
  number bigint not null,
  lines bigint not null,
  bytes bigint not null,
  body bytea not null,
  primary key (task, run, attempt, number)
);
)sql";

constexpr const char* stock_decisions = R"sql(
create table stock_decisions (
  gid text primary key,
  committed boolean not null,
  at timestamptz not null default now()
);
)sql";

constexpr const char* statistics = R"sql(
create table order_statistics (
  minute timestamptz not null,
  product text not null,
  status smallint not null,
  shard integer not null,
  orders bigint not null,
  quantity bigint not null,
  primary key (minute, product, status, shard)
) with (fillfactor = 70);
create index order_statistics_product on order_statistics (product, minute);
create table statistics_marks (shard integer primary key, upto bigint not null);
)sql";

// What orders are searched by. Rows from before have no fields, and are found by the others.
constexpr const char* order_search = R"sql(
alter table orders add column fields text[];
create index orders_fields on orders using gin (fields) where fields is not null;
create index orders_customer on orders (customer, created_at) where customer <> '';
)sql";

constexpr std::array migrations = {tables,         settled_letters, fence_by_offsets, flows,
                                   store_identity, accounts,        settings,         task_search,
                                   schedule_table, task_logs,       stock_decisions,  statistics,
                                   order_search};

void make_ground(pqxx::work& work, const std::string& schema) {
  // `create schema if not exists` asks for the right to create even where the schema exists.
  if (work.exec_params("select 1 from pg_namespace where nspname = $1", schema).empty())
    work.exec("create schema " + quote_name(schema));
  work.exec(
      "create table if not exists schema_version ("
      "version integer primary key, applied_at timestamptz not null default now())");
  work.exec(
      "create table if not exists system (only_row boolean primary key default true"
      " check (only_row), shards integer not null)");
}

result<void> check_shards(pqxx::work& work, uint32_t shards) {
  const auto stored = work.exec("select shards from system");
  if (stored.empty()) {
    work.exec_params("insert into system (shards) values ($1)", shards);
  } else if (const auto count = stored[0][0].as<uint32_t>(); count != shards) {
    return failure{errc::conflict,
                   "the database was made for " + std::to_string(count) + " shards, not " +
                       std::to_string(shards),
                   "shards"};
  }
  return {};
}

result<void> check_encoding(pqxx::work& work) {
  const auto encoding = work.exec1("show server_encoding")[0].as<std::string>();
  if (encoding != "UTF8")
    return failure{errc::conflict, "the database's encoding is " + encoding + ", UTF8 is needed"};
  return {};
}

/// Applies the next missing version; true where there was one.
result<bool> step(pqxx::connection& connection, const std::string& schema, uint32_t shards) {
  pqxx::work work(connection);
  work.exec("set local statement_timeout = 0");
  work.exec_params("select pg_advisory_xact_lock(hashtextextended($1, 0))",
                   "orrery.migrate." + schema);
  make_ground(work, schema);
  const auto present =
      work.exec1("select coalesce(max(version), 0) from schema_version")[0].as<int>();
  if (present > schema_version())
    return failure{errc::conflict, "the schema has version " + std::to_string(present) +
                                       ", this program knows " + std::to_string(schema_version())};
  for (auto&& checked : {check_encoding(work), check_shards(work, shards)})
    if (!checked)
      return checked.error();
  if (present < schema_version()) {
    work.exec(migrations[static_cast<size_t>(present)]);
    work.exec_params("insert into schema_version (version) values ($1)", present + 1);
    log::info("postgres.migrated", {{"schema", schema}, {"version", present + 1}});
  }
  work.commit();
  return present < schema_version();
}

}  // namespace

int schema_version() noexcept { return static_cast<int>(migrations.size()); }

result<void> migrate(pqxx::connection& connection, const std::string& schema, uint32_t shards) {
  for (;;) {
    const auto stepped = step(connection, schema, shards);
    if (!stepped)
      return stepped.error();
    if (!*stepped)
      return {};
    reach(crash_point::migration_between);
  }
}

}  // namespace orrery::postgres

-- 0004: audit rows in the order in which they are safe to read (docs/sync.md). A number of a sequence that commits late
-- lies behind the reader for ever; the writer's xid8, read below pg_snapshot_xmin, cannot. no only tells apart the rows
-- of one transaction.

alter table audit add column rev xid8 not null default pg_current_xact_id();
create index audit_rev on audit (rev, no);

create table audit_told (                   -- one row: up to here the CCC has taken the audit in
    one         boolean primary key default true check (one),
    rev         xid8 not null default '0',
    no          bigint not null default 0
);
insert into audit_told default values;

-- Restored into another cluster, rows may carry revisions that this one has yet to reach: what is written now would lie
-- before them. They are stamped anew, and what the CCC has stays told. True if that was so.
create function audit_check() returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare t record;
begin
    select rev, no into t from audit_told for update;
    if t.rev < pg_snapshot_xmax(pg_current_snapshot())
       and not exists (select from audit where rev >= pg_snapshot_xmax(pg_current_snapshot())) then
        return false;
    end if;
    update audit set rev = case when (rev, no) <= (t.rev, t.no) then '0' else pg_current_xact_id() end;
    update audit_told set rev = '0', no = 9223372036854775807;
    return true;
end
$$;

do $$
begin
    if exists (select from pg_roles where rolname = 'module') then
        grant select, update on audit_told to module;
    end if;
end
$$;

-- 0007: what changed, for the pages that watch (server-sent events). Ten minutes are kept.

create unlogged table event (
    rev       xid8 not null default pg_current_xact_id(),
    at        timestamptz(3) not null default now(),
    kind      text not null,
    id        uuid not null,
    person_id uuid
);
comment on table event is 'One row for a changed object and a person who may see it (null: administrators only). Read by xid8, never by a sequence.';
create index event_rev on event (rev);

create function event_note(what text, ids uuid[], owners uuid[]) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    if ids is null then
        return;
    end if;
    insert into event (kind, id, person_id) select distinct what, i, o from unnest(ids, owners) t (i, o);
    perform pg_notify('changed', '');
end $$;

-- TG_ARGV: kind of event, column with the id.
create function event_changed() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare ids uuid[];
begin
    if TG_OP = 'DELETE' then
        execute format('select array_agg(distinct %I) from gone', TG_ARGV[1]) into ids;
    else
        execute format('select array_agg(distinct %I) from came', TG_ARGV[1]) into ids;
    end if;
    perform event_note(TG_ARGV[0], ids, '{}');
    return null;
end $$;

-- The same for objects that have an owner (TG_ARGV[2]): the old one hears of it as well as the new.
create function event_owned_changed() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare ids uuid[]; owners uuid[];
begin
    if TG_OP <> 'INSERT' then
        execute format('select array_agg(%I), array_agg(%I) from gone', TG_ARGV[1], TG_ARGV[2]) into ids, owners;
        perform event_note(TG_ARGV[0], ids, owners);
    end if;
    if TG_OP <> 'DELETE' then
        execute format('select array_agg(%I), array_agg(%I) from came', TG_ARGV[1], TG_ARGV[2]) into ids, owners;
        perform event_note(TG_ARGV[0], ids, owners);
    end if;
    return null;
end $$;

do $$
declare t record; f text;
begin
    for t in select * from (values
        ('person', 'user', 'id', null), ('person_group', 'group', 'id', null), ('member', 'group', 'group_id', null),
        ('image', 'image', 'id', null), ('image_version', 'image', 'image_id', null), ('spec', 'spec', 'id', null),
        ('pool', 'pool', 'id', null), ('pool_share', 'pool', 'pool_id', null), ('block', 'block', 'id', null),
        ('module', 'module', 'id', null), ('mirror_module', 'module', 'module_id', null),
        ('node', 'node', 'id', null), ('mirror_bserver', 'bserver', 'id', null), ('mirror_vf', 'vf', 'id', null),
        ('entitlement', 'entitlement', 'id', 'person_id'), ('mirror_desktop', 'desktop', 'id', 'person_id'),
        ('mirror_operation', 'operation', 'id', 'asked_by'), ('operation', 'operation', 'id', 'asked_by'),
        ('connection', 'connection', 'id', 'person_id'))
        v (source, kind, id, owner)
    loop
        f := format('for each statement execute function %I(%L, %L%s)',
                    case when t.owner is null then 'event_changed' else 'event_owned_changed' end,
                    t.kind, t.id, case when t.owner is null then '' else ', ' || quote_literal(t.owner) end);
        execute format('create trigger event_insert after insert on %I referencing new table as came %s', t.source, f);
        execute format('create trigger event_update after update on %I referencing old table as gone
                        new table as came %s', t.source, f);
        execute format('create trigger event_delete after delete on %I referencing old table as gone %s', t.source, f);
    end loop;
end $$;

-- Not told to anybody: the streams of a session end with it.
create trigger event_delete after delete on login_session referencing old table as gone
    for each statement execute function event_changed('session', 'person_id');

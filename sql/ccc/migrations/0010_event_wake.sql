-- 0010: an order that has just been written wakes nobody who waits for its progress: they came after it.

alter table event add column wake boolean not null default true;

drop function event_note(text, uuid[], uuid[]);
create function event_note(what text, ids uuid[], owners uuid[], wakes boolean default true) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    if ids is null then
        return;
    end if;
    insert into event (kind, id, person_id, wake) select distinct what, i, o, wakes from unnest(ids, owners) t (i, o);
    perform pg_notify('changed', '');
end $$;
revoke execute on function event_note from public;

create or replace function event_owned_changed() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare ids uuid[]; owners uuid[];
begin
    if TG_OP <> 'INSERT' then
        execute format('select array_agg(%I), array_agg(%I) from gone', TG_ARGV[1], TG_ARGV[2]) into ids, owners;
        perform event_note(TG_ARGV[0], ids, owners);
    end if;
    if TG_OP <> 'DELETE' then
        execute format('select array_agg(%I), array_agg(%I) from came', TG_ARGV[1], TG_ARGV[2]) into ids, owners;
        perform event_note(TG_ARGV[0], ids, owners, not (TG_OP = 'INSERT' and TG_TABLE_NAME = 'operation'));
    end if;
    return null;
end $$;

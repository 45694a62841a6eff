-- 0008: clean hand-over (design §5.8), as far as a database can know it: who sits at a floating desktop sits at an overlay
-- that nobody used before, in a run that began after the overlay was made, and the host has said that it is this run, on
-- this overlay, and that its guest is up. What the host said comes with the session and is kept as the evidence.

alter table seat add column turn uuid;
comment on column seat.turn is 'Released: the CCC''s request to which that was said. Only that request may give her back.';

alter table overlay_use add column session_id uuid;
comment on column overlay_use.session_id is 'Of a floating desktop: the one session that this overlay is for. Null: a persistent one''s.';

alter table session add column seen_run uuid, add column seen_overlay uuid, add column ready_run uuid,
    add constraint clean_run check (seen_run = run_id),
    add constraint clean_disk check (seen_overlay = overlay_id),
    add constraint clean_guest check (ready_run = run_id);
comment on column session.seen_run is 'What its host reported when it was opened; so seen_overlay, where the host has disks, and ready_run, where guests can speak.';

alter table bserver
    add column has_disks boolean not null generated always as
        (coalesce(body -> 'capabilities' -> 'formats' ? 'qcow2', false) and coalesce(body ->> 'kind' <> 'simulated', true)) stored,
    add column hears_guests boolean not null generated always as
        (coalesce(body -> 'capabilities' -> 'guest_channel' = 'true'::jsonb, body ->> 'kind' <> 'simulated', true)) stored;

create function session_is_clean() returns trigger language plpgsql set search_path = public, pg_temp as $$
declare d record;
begin
    select t.floating, b.has_disks, b.hears_guests and t.image ->> 'guest' = 'bic' as speaks into d
      from desktop t join bserver b on b.id = t.bserver_id
     where t.id = new.desktop_id and t.pool_id = new.pool_id and t.person_id = new.person_id
       and t.overlay_id = new.overlay_id and t.run_id = new.run_id and not t.deleting;
    if not found then
        raise check_violation using constraint = 'session_of_its_desktop', table = 'session',
            message = 'a session is its desktop''s as it stands: person, overlay and run';
    end if;
    if new.seen_run is null or (d.has_disks and new.seen_overlay is null) or (d.speaks and new.ready_run is null) then
        raise check_violation using constraint = 'clean_evidence', table = 'session',
            message = 'the host has not said that this run is up, on this overlay';
    end if;
    if d.floating and not exists (select from overlay_use where overlay_id = new.overlay_id and session_id = new.id) then
        raise check_violation using constraint = 'clean_overlay', table = 'session',
            message = 'the overlay of a floating desktop is for one session';
    end if;
    return null;
end
$$;
create trigger session_is_clean after insert on session for each row when (new.ended_at is null)
    execute function session_is_clean();

-- A run is of one overlay, the one that it began on; who is given a floating desktop is given an unused one.
create function desktop_is_clean() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if new.overlay_id <> old.overlay_id and new.run_id is not null then
        raise check_violation using constraint = 'run_after_overlay', table = 'desktop',
            message = 'an overlay is made for a desktop that is off';
    end if;
    if new.person_id is distinct from old.person_id and exists
       (select from overlay_use u where u.overlay_id = new.overlay_id and (new.floating or u.person_id <> new.person_id)) then
        raise check_violation using constraint = 'clean_overlay', table = 'desktop',
            message = 'the overlay has been used';
    end if;
    return new;
end
$$;
create trigger desktop_is_clean before update on desktop for each row
    when (new.overlay_id <> old.overlay_id or (new.person_id is not null and new.person_id is distinct from old.person_id))
    execute function desktop_is_clean();

-- Whoever takes person, run or overlay from a desktop has ended its session, in the same statement.
create function desktop_keeps_session() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if exists (select from session s where s.desktop_id = new.id and s.ended_at is null
                  and (s.person_id is distinct from new.person_id or s.overlay_id <> new.overlay_id
                       or s.run_id is distinct from new.run_id or new.deleting)) then
        raise check_violation using constraint = 'session_of_its_desktop', table = 'desktop',
            message = 'the desktop has a live session';
    end if;
    return null;
end
$$;
create trigger desktop_keeps_session after update on desktop for each row
    when (new.person_id is distinct from old.person_id or new.overlay_id <> old.overlay_id
          or new.run_id is distinct from old.run_id or new.deleting <> old.deleting)
    execute function desktop_keeps_session();

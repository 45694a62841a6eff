-- 0007: the VF ledger (docs/vf.md): whose a virtual function is, by desktop and run, and that it comes back to others only
-- by an answer to the question that was asked at its release. Whoever writes, a trigger refuses the rest.

alter table vf
    add column run_id   uuid,                       -- newest run that its desktop was given while it had this VF
    add column check_id uuid,                       -- the question about it that is open: a new one at each release
    add column verified uuid,                       -- the question whose answer made it free
    add column reason   text check (reason in ('new', 'released', 'returned', 'foreign', 'misused', 'vanished')),
    add column since    timestamptz not null default now();

update vf set check_id = gen_random_uuid(), reason = 'released' where state = 'quarantine';
update vf set reason = 'vanished' where state = 'lost';
update vf v set run_id = d.run_id from desktop d where d.id = v.desktop_id;

alter table vf
    alter column state set default 'quarantine',
    alter column check_id set default gen_random_uuid(),
    alter column reason set default 'new',
    add constraint quarantine_has_check check (state <> 'quarantine' or (check_id is not null and desktop_id is null)),
    add constraint run_has_owner check (run_id is null or desktop_id is not null);

create function vf_law() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        if new.state <> 'quarantine' then
            raise check_violation using constraint = 'law_vf_clean', table = 'vf',
                message = 'a new virtual function is verified before anybody gets it';
        end if;
        return null;
    end if;
    if new.state = 'free' and old.state <> 'free'
       and (old.state <> 'quarantine' or new.verified is distinct from old.check_id) then
        raise check_violation using constraint = 'law_vf_clean', table = 'vf',
            message = 'a virtual function is free only after the question asked at its release was answered with clean';
    end if;
    if new.desktop_id is not null and new.desktop_id is distinct from old.desktop_id and old.state <> 'free' then
        raise check_violation using constraint = 'law_vf_owner', table = 'vf',
            message = 'only a free virtual function is given to a desktop';
    end if;
    if old.desktop_id is not null and new.desktop_id is null
       and (new.state not in ('quarantine', 'lost') or new.check_id is null or new.check_id is not distinct from old.check_id) then
        raise check_violation using constraint = 'law_vf_clean', table = 'vf',
            message = 'a virtual function that is given back is asked about anew';
    end if;
    return null;
end
$$;
create trigger vf_law after insert or update on vf for each row execute function vf_law();

create function vf_run() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
    update vf set run_id = new.run_id where desktop_id = new.id;
    return null;
end
$$;
create trigger vf_run after update of run_id on desktop for each row
    when (new.run_id is not null and new.run_id is distinct from old.run_id) execute function vf_run();

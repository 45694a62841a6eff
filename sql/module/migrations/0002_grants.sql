-- 0002: what the daemon's role may do. Tables belong to the owner role, which applies migrations.
do $$
begin
    if not exists (select from pg_roles where rolname = 'module') then
        return; -- a database without the daemon's role: its owner is the daemon (tests)
    end if;
    execute format('grant connect on database %I to module', current_database());
    grant usage on schema public to module;
    grant select, update on leader, replica_cursor to module;
    grant select, insert, update, delete on ticket_key, bserver, desktop, slot, vf, session, seat, operation,
        login_session, replica to module;
    grant select, insert, delete on overlay_use, audit, placement to module;  -- written once, never changed
end
$$;

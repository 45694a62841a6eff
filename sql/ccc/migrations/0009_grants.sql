-- 0009: what the daemon's role may do. Tables belong to the owner role, which applies migrations; wanted, sync_source
-- and event are written by the owner's functions alone.
do $$
begin
    if not exists (select from pg_roles where rolname = 'ccc') then
        return; -- a database without the daemon's role: its owner is the daemon (tests)
    end if;
    execute format('grant connect on database %I to ccc', current_database());
    grant usage on schema public to ccc;
    grant select on all tables in schema public to ccc;
    grant insert, update, delete on person, person_group, member, login_session, block, module, node, node_heard,
        node_token, image, image_version, spec, pool, pool_share, entitlement, mirror_cursor, mirror_module,
        mirror_bserver, mirror_vf, mirror_desktop, mirror_operation, mirror_seat, connection, operation,
        idempotency to ccc;
    grant insert on audit to ccc;
    grant delete on event to ccc;
    revoke execute on function wanted_refresh, wanted_refresh_pools, event_note, sync_renew, sync_check, sync_identity,
        wanted_purge from public;
    grant execute on function sync_renew, sync_check, wanted_purge to ccc;
end $$;

-- 0018: two xCenters a block tell of one module. What the newer leader observed wins, whichever of them brings it.
alter table mirror_cursor
    add column epoch     bigint not null default 0 check (epoch >= 0),
    add column led_at    timestamptz(3),
    add column snap_head bigint;
comment on column mirror_cursor.epoch is 'Of the leader whose set is held, or is being taken; 0: it was not said.';
comment on column mirror_cursor.led_at is 'When a leader of this epoch, or of a later one, was last heard.';
comment on column mirror_cursor.snap_head is 'How far the freshest sender of the running snapshot was.';

-- 0011: two modules a block and ten bServers a module are places that a row takes (paper 003 §3): the database has the
-- last word, whoever writes.

alter table module add column place integer;
update module m set place = o.place
  from (select id, row_number() over (partition by block_id order by created_at, id) - 1 as place from module) o
 where o.id = m.id;
alter table module alter column place set not null,
    add constraint law_block check (place between 0 and 1),
    add constraint module_place unique (block_id, place);

alter table node add column place integer;
update node n set place = o.place
  from (select id, row_number() over (partition by module_id order by created_at, id) - 1 as place
          from node where kind = 'bserver' and not revoked) o
 where o.id = n.id;
alter table node add constraint law_module check ((place is not null) = (kind = 'bserver' and not revoked) and place between 0 and 9),
    add constraint node_place unique (module_id, place);

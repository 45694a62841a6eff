-- 0014: display lanes as people see them.
create function lanes_shown(bserver jsonb) returns jsonb language sql immutable as $$
    select coalesce(jsonb_agg(jsonb_build_object('no', lane -> 'no', 'url', lane ->> 'url',
                                                 'up', lane -> 'up' is distinct from 'false'::jsonb)
                              order by lane -> 'no'), '[]')
      from jsonb_array_elements(case when jsonb_typeof(bserver -> 'lanes') = 'array'
                                     then bserver -> 'lanes' else '[]' end) lane
     where coalesce(lane ->> 'url', '') <> ''
$$;
comment on function lanes_shown is 'The lanes of a bServer that show screens: no, url, up.';

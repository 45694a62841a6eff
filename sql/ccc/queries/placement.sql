-- Placements are the modules'; here stands only which module to ask.

-- name: placement_module(id)
select module_id from mirror_desktop where placement_id = $1::text limit 1;

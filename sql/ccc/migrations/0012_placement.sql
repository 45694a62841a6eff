-- 0012: which module can say why a desktop is where it is.
create index mirror_desktop_placement on mirror_desktop ((body ->> 'placement_id'));

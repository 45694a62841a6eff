-- 0003: images, specs, pools, how pools are shared out, who is entitled.

create table image (
    id          uuid primary key default gen_random_uuid(),
    name        name_text not null,
    description note_text not null default '',
    guest       text not null default 'none'
                check (guest in ('none', 'bic', 'cloud-init', 'cloudbase-init')),
    generation  bigint not null default 1 check (generation >= 1),
    created_at  timestamptz(3) not null default now(),
    constraint image_name unique (name)
);
comment on table image is 'A golden image; its content is in its versions.';
create index image_created on image (created_at, id);

create table image_version (
    id           uuid primary key default gen_random_uuid(),
    image_id     uuid not null references image on delete cascade,
    number       integer not null check (number between 1 and 1000000),
    sha256       text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    size         bigint not null check (size > 0),
    virtual_size bigint not null check (virtual_size > 0),
    format       text not null default 'qcow2' check (format = 'qcow2'),
    generation   bigint not null default 1 check (generation >= 1),
    created_at   timestamptz(3) not null default now(),
    constraint image_version_number unique (image_id, number),
    unique (id, image_id)
);
comment on table image_version is 'An immutable qcow2, addressed by SHA-256.';
create index image_version_sha256 on image_version (sha256);

create table spec (
    id         uuid primary key default gen_random_uuid(),
    name       name_text not null,
    vcpus      integer not null check (vcpus between 1 and 64),
    memory_mib integer not null check (memory_mib between 64 and 1048576),
    firmware   text not null default 'bios' check (firmware in ('bios', 'uefi')),
    tpm        boolean not null default false,
    disk_bus   text not null default 'virtio' check (disk_bus in ('virtio', 'sata', 'scsi')),
    nic_model  text not null default 'virtio' check (nic_model in ('virtio', 'e1000')),
    video      text not null default 'virtio' check (video in ('virtio', 'vga', 'qxl')),
    disk_gib   integer check (disk_gib between 1 and 16384),
    needs_vf   boolean not null default false,
    generation bigint not null default 1 check (generation >= 1),
    created_at timestamptz(3) not null default now(),
    constraint spec_name unique (name)
);
comment on table spec is 'The virtual hardware of a desktop.';
create index spec_created on spec (created_at, id);

create table pool (
    id               uuid primary key default gen_random_uuid(),
    name             name_text not null,
    description      note_text not null default '',
    kind             text not null check (kind in ('persistent', 'floating')),
    image_id         uuid not null references image,
    image_version_id uuid not null,
    spec_id          uuid not null references spec,
    spares_running   integer not null default 0 check (spares_running between 0 and 1000),
    generation       bigint not null default 1 check (generation >= 1),
    created_at       timestamptz(3) not null default now(),
    constraint pool_name unique (name),
    foreign key (image_version_id, image_id) references image_version (id, image_id)
);
comment on table pool is 'Desktops of one kind: image version and spec.';
create index pool_created on pool (created_at, id);
create index pool_image_version on pool (image_version_id);
create index pool_spec on pool (spec_id);

create table pool_share (
    pool_id   uuid not null references pool on delete cascade,
    module_id uuid not null references module,
    size      integer not null check (size between 0 and 1000),
    primary key (pool_id, module_id)
);
comment on table pool_share is 'How many desktops of a pool each module makes. A module''s sum over all pools is at most 1,000.';
create index pool_share_module on pool_share (module_id);

create table entitlement (
    id         uuid primary key default gen_random_uuid(),
    pool_id    uuid not null references pool on delete cascade,
    person_id  uuid references person on delete cascade,
    group_id   uuid references person_group on delete cascade,
    generation bigint not null default 1 check (generation >= 1),
    created_at timestamptz(3) not null default now(),
    check (num_nonnulls(person_id, group_id) = 1)
);
comment on table entitlement is 'Who may have a desktop of a pool: one person or one group.';
create unique index entitlement_person on entitlement (pool_id, person_id) where person_id is not null;
create unique index entitlement_group on entitlement (pool_id, group_id) where group_id is not null;
create index entitlement_by_person on entitlement (person_id);
create index entitlement_by_group on entitlement (group_id);
create index entitlement_created on entitlement (created_at, id);

create view entitled as
    select person_id, pool_id from entitlement where person_id is not null
    union
    select m.person_id, e.pool_id from entitlement e join member m on m.group_id = e.group_id;
comment on view entitled is 'Person × pool, directly or by a group.';

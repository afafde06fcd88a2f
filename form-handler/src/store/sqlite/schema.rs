//! The tables in a file of SQLite, version by version. It knows SQL and no registration.

/// Written into the file, so that an older program does not misread it.
pub(super) const VERSION: i64 = 6;
/// What each version has that the one before it had not.
pub(super) const MIGRATIONS: [&str; VERSION as usize] = [
    "
    create table registration (
        id text primary key,
        received text not null,
        form text not null,
        form_sha256 text not null,
        statement_version text not null,
        statement_digest text not null,
        fields text not null,
        mail text not null,
        mail_error text
    ) strict, without rowid;
    ",
    // `due` is in seconds since 1970; null where nothing is to be done.
    "
    create table mail (
        registration text not null references registration (id) on delete cascade,
        kind text not null,
        address_sha256 text,
        state text not null,
        error text,
        attempts integer not null default 0,
        due integer,
        primary key (registration, kind)
    ) strict, without rowid;
    insert into mail (registration, kind, state, error, due)
        select id, 'staff', mail, mail_error, case when mail = 'sent' then null else 0 end
        from registration where mail <> 'none';
    alter table registration drop column mail;
    alter table registration drop column mail_error;
    alter table registration add column received_seconds integer not null default 0;
    alter table registration add column submission_sha256 text not null default '';
    alter table registration add column receipt text not null default '';
    alter table registration add column held text;
    create index registration_by_submission on registration (submission_sha256, received_seconds);
    create index mail_by_due on mail (due) where due is not null;
    create index mail_by_address on mail (address_sha256) where address_sha256 is not null;
    ",
    // `content` is what was typed, in a form that is none of the store's business. What is added has defaults for the rows
    // that are there; nothing is stored without it.
    "
    alter table registration add column content blob not null default x'';
    update registration set content = cast(fields as blob);
    alter table registration drop column fields;
    alter table registration add column revision integer not null default 1;
    alter table registration rename column submission_sha256 to submission_key;
    alter table mail rename column address_sha256 to address_key;
    ",
    // Hashes that were made without a key are forgotten: a day later nobody would have asked for them.
    "
    create table data_key (
        registration text primary key references registration (id) on delete cascade,
        sealed blob not null,
        keys text not null
    ) strict, without rowid;
    create table person_key (
        key text not null,
        registration text not null references registration (id) on delete cascade,
        primary key (key, registration)
    ) strict, without rowid;
    create index person_key_by_registration on person_key (registration);
    alter table mail add column letter blob;
    update mail set address_key = null;
    update registration set submission_key = '';
    ",
    // `matter` has holds and requests, as JSON.
    "
    create table matter (
        id text primary key,
        kind text not null,
        content text not null
    ) strict, without rowid;
    alter table registration add column restricted text;
    alter table registration add column extension text;
    create index registration_by_restriction on registration (restricted) where restricted is not null;
    ",
    // What counts once, like a proof of work, and for what.
    "
    create table claim (
        key text primary key,
        owner text not null,
        until_seconds integer not null
    ) strict, without rowid;
    create index claim_by_end on claim (until_seconds);
    ",
];

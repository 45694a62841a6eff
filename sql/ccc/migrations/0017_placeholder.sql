-- Until the other branches' migrations are here.
select;

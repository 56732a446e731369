\set id random(1, 100000)
UPDATE api.rows SET n = n + 1 WHERE id = :id;

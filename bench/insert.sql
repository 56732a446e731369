\set sensor random(1, 1000)
\set reading random(1, 1000000)
INSERT INTO bench_insert (sensor, reading, note) VALUES (:sensor, :reading, 'measured by the bench');

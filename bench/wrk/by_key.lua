-- Reads by random primary key. Arguments: path up to the key, number of keys, seed.
require("report")

function init(arguments)
    local keys = tonumber(arguments[2])
    math.randomseed(tonumber(arguments[3]))
    -- Made beforehand: formatting in the loop would be the load generator's own cost. Uniform over the
    -- keys all the same, as far as it goes: 50 000 draws.
    requests, at = {}, 0
    for i = 1, 50000 do requests[i] = wrk.format("GET", arguments[1] .. math.random(keys)) end
end

function request()
    at = at % #requests + 1
    return requests[at]
end

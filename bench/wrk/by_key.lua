-- Reads by random primary key. Arguments: path up to the key, number of keys, seed, draws (50 000).
require("report")

function init(arguments)
    local keys = tonumber(arguments[2])
    math.randomseed(tonumber(arguments[3]))
    -- Made beforehand: formatting in the loop would be the load generator's own cost. Uniform over the
    -- keys all the same, as far as that many draws go.
    requests, at = {}, 0
    for i = 1, tonumber(arguments[4] or "50000") do requests[i] = wrk.format("GET", arguments[1] .. math.random(keys)) end
end

function request()
    at = at % #requests + 1
    return requests[at]
end

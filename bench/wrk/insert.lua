-- Single-row inserts of random values. Arguments: path, seed.
require("report")

function init(arguments)
    math.randomseed(tonumber(arguments[2]))
    local headers = { ["Content-Type"] = "application/json", ["Prefer"] = "return=minimal" }
    requests, at = {}, 0
    for i = 1, 20000 do
        requests[i] = wrk.format("POST", arguments[1], headers, string.format(
            '{"sensor": %d, "reading": %d, "note": "measured by the bench"}', math.random(1000), math.random(1000000)))
    end
end

function request()
    at = at % #requests + 1
    return requests[at]
end

-- The same request over and over. Arguments: method, path, pipeline depth (1: none).
require("report")

function init(arguments)
    local one = wrk.format(arguments[1] or "GET", arguments[2] or wrk.path)
    local depth = tonumber(arguments[3] or "1")
    batch = string.rep(one, depth)
end

function request() return batch end

-- GET of one path, with a bearer token if one is given. Arguments: the path, the token.
package.path = package.path .. ";" .. debug.getinfo(1, "S").source:match("@(.*/)") .. "?.lua"
require("report")

local one

function init(args)
    one = wrk.format("GET", args[1], args[2] and { ["Authorization"] = "Bearer " .. args[2] } or nil)
end

function request()
    return one
end

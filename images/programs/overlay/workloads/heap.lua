-- SPDX-License-Identifier: GPL-2.0-or-later
-- A heap of many small tables and strings, changed and read at random. Reads commands:
--
--     fill SEED OBJECTS    make the heap anew
--     work SEED ROUNDS     replace and read objects, chosen by the seed
--     sum                  a number that depends on every object
--     exit
--
-- An answer ends with a dot. harness/scenarios/workloads/lua.py computes the same numbers.

local MASK = 0x7fffffff
local heap, links = {}, {}

local function random(seed, n)
    local x = (seed * 1103515245 + n * 12345 + 2531011) & 0x7fffffffffff
    x = (x ~ (x >> 17)) * 0x5bd1e995 & 0x7fffffffffff
    return (x ~ (x >> 15)) & MASK
end

-- Fields of several kinds, as programs have them; `text` is a string of its own for each object.
local function object(key)
    return { key = key, text = string.format("object %d of %x", key, key * 7919 & MASK),
             list = { key & 0xff, key >> 8 & 0xff, key >> 16 & 0xff }, weight = key / 2 }
end

local function value(one)
    local sum = one.key + #one.text + one.weight * 2
    for _, n in ipairs(one.list) do sum = sum * 31 + n end
    return math.tointeger(sum) & MASK
end

local commands = {}

function commands.fill(seed, objects)
    heap, links = {}, {}
    for i = 1, objects do heap[i] = object(random(seed, i)) end
    for i = 1, objects do links[i] = heap[random(seed + 1, i) % objects + 1] end
    return objects
end

function commands.work(seed, rounds)
    local sum = 0
    for n = 1, rounds do
        local x = random(seed, n)
        local i = x % #heap + 1
        if x >> 8 & 3 == 0 then
            -- One in four is replaced; whoever had a link to it keeps the old one alive.
            heap[i] = object(x)
        else
            sum = (sum * 33 + value(heap[i])) & MASK
        end
    end
    return sum
end

function commands.sum()
    local sum = 0
    for i = 1, #heap do sum = (sum * 33 + value(heap[i])) & MASK end
    for i = 1, #links do sum = (sum * 33 + value(links[i])) & MASK end
    return sum
end

for line in io.lines() do
    local name, a, b = line:match("^(%a+)%s*(%d*)%s*(%d*)$")
    if name == "exit" then break end
    local command = commands[name]
    io.write(command and command(tonumber(a), tonumber(b)) or "no such command", "\n.\n")
    io.flush()
end

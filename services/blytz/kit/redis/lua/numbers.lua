-- Stands in front of the base.lua of auctions and offers, and of the common.lua of shows: how their scripts read
-- and write numbers, what they do when one is not valid, and what time it is.
--
-- ARGV 1 the id of what the script is about
-- Numbers are whole and below 2^53, so Lua's doubles hold them exactly.

local MAX_TIME = 9007199254740991

local function server_now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- Ends the script before any write.
local function corrupt(what)
  error({err = 'CORRUPT ' .. ARGV[1] .. ' ' .. what})
end

-- Plain decimal digits only: tonumber alone would also take 0x10, 1e3, nan and '7 '.
local function whole(text, most, what)
  if not text or #text > 16 or not (text == '0' or string.find(text, '^[1-9]%d*$')) then
    corrupt(what)
  end
  local number = tonumber(text)
  if number > most then
    corrupt(what)
  end
  return number
end

local function digits(number)
  return number and string.format('%d', number) or 'null'
end

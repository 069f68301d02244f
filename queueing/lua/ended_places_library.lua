#!lua name=frontrow_ended_v1
-- The library of ended places: record one, find one.

-- KEYS  1 the fan's key
-- ARGV  1 ended_ms  2 state_code  3 keep_ms
server.register_function('frontrow_ended_v1_note', function(keys, args)
  local key = keys[1]
  local ended_ms, state_code, keep_ms = unpack(args)
  record_place_ended(key, tonumber(ended_ms), state_code, tonumber(keep_ms))
  return 'OK'
end)

-- KEYS  1 the fan's key
-- ARGV  1 joined_ms
server.register_function('frontrow_ended_v1_find', function(keys, args)
  local key, joined_ms = keys[1], args[1]
  return how_place_ended(key, tonumber(joined_ms))
end)

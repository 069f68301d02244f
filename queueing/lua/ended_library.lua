#!lua name=frontrow_ended_v1

-- KEYS the fan's key; ARGV ended_ms, letter, keep_ms
server.register_function('frontrow_ended_v1_note', function(keys, args)
  note_place_ended(keys[1], tonumber(args[1]), args[2], tonumber(args[3]))
  return 'OK'
end)

-- KEYS the fan's key; ARGV joined_ms
server.register_function('frontrow_ended_v1_find', function(keys, args)
  return how_place_ended(keys[1], tonumber(args[1]))
end)

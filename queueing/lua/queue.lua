#!lua name=frontrow_queue_v1
-- The room as a whole: ticking, its rules, epochs and blocks of numbers; and the functions' names.

local function tick(keys, args)
  local room, refusal = enter(keys, args[1])
  if not room then return refusal end
  advance(room)
  local count = admit(room)
  save(room)
  return {'OK', room.epoch, room.next, room.ceiling, room.serving, server.call('ZCARD', keys[3]),
    server.call('ZCOUNT', keys[4], '(' .. whole(room.now), '+inf'), room.admitted, whole(room.waited),
    room.phase, string.format('%.6f', room.rate), count, room.capacity, string.format('%.6f', room.pace)}
end

-- args: now_ms, ttl seconds, version, then CONFIG's values in order
local function configure(keys, args)
  local known = tonumber(server.call('HGET', keys[1], 'version') or 0)
  if tonumber(args[3]) > known then
    local room = enter(keys, args[1])
    if room then  -- time until now counts under the old rules
      advance(room)
      close_with(room)
    end
    server.call('HSET', keys[1], 'version', args[3])
    rules[keys[1]] = nil
    for i, name in ipairs(CONFIG) do server.call('HSET', keys[1], name, args[3 + i]) end
  end
  for i = 1, 5 do server.call('EXPIRE', keys[i], args[2]) end
  return 'OK'
end

-- args: now_ms, birth, epoch, first free number - 1, ceiling, serving, pause ms, then of the draw:
-- seed, start, numbers given away so far (as far as anybody knows); 11: called long ago.
-- The gap must be this very server's: a replica that was promoted has its primary's key. Time goes on
-- by a millisecond, so that no new place begins in the one in which an old place ended.
local function begin(keys, args)
  local state = server.call('HMGET', keys[2], 'run', 'now', 'serving', 'admitted', 'waited')
  if state[1] and state[1] == current_run() then return 'KNOWN' end
  if server.call('GET', keys[6]) ~= args[2] then return 'STALE' end
  if string.sub(args[2], 1, #current_run()) ~= current_run() then return 'STALE' end
  local pause = tonumber(args[7])
  local config = server.call('HMGET', keys[1], 'rate', 'skew')
  local now = math.max(believed(args[1], tonumber(config[2] or 2000)), tonumber(state[2] or 0))
  server.call('HSET', keys[2], 'run', current_run(), 'epoch', args[3], 'next', args[4],
    'ceiling', args[5], 'serving', whole(math.max(tonumber(args[6]), tonumber(state[3] or 0))),
    'now', pause > 0 and whole(now + 1) or 0, 'credit', 0, 'resume', pause > 0 and whole(now + pause) or 0,
    'admitted', state[4] or 0, 'waited', state[5] or 0, 'window', 0, 'window_admitted', 0,
    'pace', config[1] or 1, 'seed', args[8], 'draw_start', args[9], 'drawn', args[10], 'draw_ceiling', args[10],
    'called', args[11], 'superseded', 0, 'exits', 0, 'watched', 0, 'full', 0)
  server.call('DEL', keys[6])
  return 'BEGUN'
end

-- Allow what PostgreSQL has reserved. args: epoch, ceiling, then of the draw: seed, start, ceiling.
-- An answer of another epoch's block would overlap this one's numbers. The draw's own numbers are
-- jumped over: a ceiling beyond them must not let them be given in order.
local function raise(keys, args)
  local state = server.call('HMGET', keys[2], 'run', 'epoch', 'ceiling', 'next', 'draw_ceiling')
  if state[1] ~= current_run() or tonumber(state[2]) ~= tonumber(args[1]) then return 0 end
  if args[3] ~= '' then
    local past = tonumber(args[4]) + DRAW
    if tonumber(state[4]) < past and tonumber(args[2]) >= past then
      server.call('HSET', keys[2], 'next', whole(past))
    end
    server.call('HSET', keys[2], 'seed', args[3], 'draw_start', args[4])
    if tonumber(args[5]) > tonumber(state[5] or 0) then server.call('HSET', keys[2], 'draw_ceiling', args[5]) end
  end
  if tonumber(args[2]) > tonumber(state[3]) then server.call('HSET', keys[2], 'ceiling', args[2]) end
  return 1
end

-- Note [One server a room] in README.md. args: epoch, 1 to answer nobody any more, 0 to ask for an
-- epoch of one's own.
local function supersede(keys, args)
  local state = server.call('HMGET', keys[2], 'run', 'epoch')
  if state[1] ~= current_run() or tonumber(state[2]) ~= tonumber(args[1]) then return 0 end
  if args[2] == '1' then
    server.call('HSET', keys[2], 'superseded', 1)
  else
    server.call('HDEL', keys[2], 'run')
  end
  return 1
end

server.register_function('frontrow_queue_v1_join', join)
server.register_function('frontrow_queue_v1_poll', poll)
server.register_function('frontrow_queue_v1_quit', quit)
server.register_function('frontrow_queue_v1_tick', tick)
server.register_function('frontrow_queue_v1_configure', configure)
server.register_function('frontrow_queue_v1_begin', begin)
server.register_function('frontrow_queue_v1_raise', raise)
server.register_function('frontrow_queue_v1_supersede', supersede)

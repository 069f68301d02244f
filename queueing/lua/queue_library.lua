#!lua name=frontrow_queue_v1
-- The room as a whole: ticking, its rules, epochs and blocks of numbers; and the functions' names.

-- Bring a room up to now and return the reply that says how it stands.
local function advance_and_reply(room)
  advance(room)
  local just_admitted = admit_waiting(room)
  save(room)
  return {'OK', room.epoch, room.next, room.ceiling, room.serving, count_waiting(room), count_live(room), room.admitted, whole(room.waited),
    room.state, string.format('%.6f', room.rate), just_admitted, room.capacity, string.format('%.6f', room.pace)}
end

-- Bring the room up to now and return how it stands.
-- ARGV   1 now_ms
-- Reply  OK, epoch, next, ceiling, serving, waiting, active, admitted, waited, state, rate, just admitted,
--        capacity, pace
local function tick(keys, args)
  local now_ms = args[1]
  local room, refusal = enter(keys, now_ms)
  if not room then return refusal end
  return advance_and_reply(room)
end

-- Bring the room up to now and return what the public status shows.
-- ARGV   1 now_ms
-- Reply  as that of `tick`, and admits_from
local function public_status(keys, args)
  local now_ms = args[1]
  local room, refusal = enter(keys, now_ms)
  if not room then return refusal end
  local reply = advance_and_reply(room)
  reply[#reply + 1] = room.admits_from
  return reply
end

-- Mirror the rules, unless this server has that version or a later one.
-- ARGV   1 now_ms  2 ttl_seconds  3 version  4, 5, ... name and value of each of CONFIG_FIELDS
local function mirror_config(keys, args)
  local config_key = keys[1]
  local now_ms, ttl_seconds, version = unpack(args, 1, 3)
  local mirrored = tonumber(server.call('HGET', config_key, 'version') or 0)
  if tonumber(version) > mirrored then
    local room = enter(keys, now_ms)
    if room then  -- time until now counts under the old rules
      advance(room)
      close_with(room)
    end
    server.call('HSET', config_key, 'version', version, unpack(args, 4))
    rules_by_key[config_key] = nil
  end
  for i = 1, 5 do server.call('EXPIRE', keys[i], ttl_seconds) end
  return 'OK'
end

-- Begin an epoch. The gap must be this very server's: a replica that was promoted has its primary's key.
-- Time goes on by a millisecond, so that no new place begins in the one in which an old place ended.
-- ARGV   1 now_ms  2 gap_id: the gap that the epoch ends  3 epoch
--        4 start 5 ceiling: the numbers start + 1 .. ceiling may be given  6 serving
--        7 pause_ms: nobody is admitted for so long  8 seed  9 start 10 drawn: of the draw; numbers given, as
--        far as PostgreSQL knows  11 called: the highest number called long ago
-- Reply  BEGUN; KNOWN where somebody else began it; STALE where the server was lost again since
local function begin(keys, args)
  local config_key, state_key, gap_key = keys[1], keys[2], keys[6]
  local now_ms, gap, epoch, start, ceiling, serving, pause_ms, seed, draw_start, drawn, called = unpack(args)
  local stored = server.call('HMGET', state_key, 'run', 'now', 'serving', 'admitted', 'waited')
  local run, stored_now, stored_serving, admitted, waited = unpack(stored, 1, 5)
  if run and run == current_run() then return 'KNOWN' end
  if server.call('GET', gap_key) ~= gap then return 'STALE' end
  if string.sub(gap, 1, #current_run()) ~= current_run() then return 'STALE' end
  pause_ms = tonumber(pause_ms)
  local rate, skew = unpack(server.call('HMGET', config_key, 'rate', 'skew'), 1, 2)
  local now = math.max(clamp_clock(now_ms, tonumber(skew or 2000)), tonumber(stored_now or 0))
  server.call('HSET', state_key, 'run', current_run(), 'epoch', epoch, 'next', start, 'ceiling', ceiling,
    'serving', whole(math.max(tonumber(serving), tonumber(stored_serving or 0))),
    'now', pause_ms > 0 and whole(now + 1) or 0, 'credit', 0, 'resume', pause_ms > 0 and whole(now + pause_ms) or 0,
    'admitted', admitted or 0, 'waited', waited or 0, 'window', 0, 'window_admitted', 0,
    'pace', rate or 1, 'seed', seed, 'draw_start', draw_start, 'drawn', drawn, 'draw_ceiling', drawn,
    'called', called, 'superseded', 0, 'exits', 0, 'watched', 0, 'full', 0)
  server.call('DEL', gap_key)
  return 'BEGUN'
end

-- Allow the numbers that PostgreSQL has reserved. Another epoch's block would overlap this one's numbers.
-- The draw's own numbers are jumped over: a ceiling beyond them must not let them be given in order.
-- ARGV   1 epoch  2 ceiling  3 seed  4 start  5 ceiling: of the draw; seed '' where there is none
-- Reply  1, or 0 where that epoch is over
local function raise(keys, args)
  local state_key = keys[2]
  local epoch, ceiling, seed, draw_start, draw_ceiling = unpack(args)
  local stored = server.call('HMGET', state_key, 'run', 'epoch', 'ceiling', 'next', 'draw_ceiling')
  local run, stored_epoch, stored_ceiling, stored_next, stored_draw_ceiling = unpack(stored, 1, 5)
  if run ~= current_run() or tonumber(stored_epoch) ~= tonumber(epoch) then return 0 end
  if seed ~= '' then
    local draw_end = tonumber(draw_start) + DRAW
    if tonumber(stored_next) < draw_end and tonumber(ceiling) >= draw_end then
      server.call('HSET', state_key, 'next', whole(draw_end))
    end
    server.call('HSET', state_key, 'seed', seed, 'draw_start', draw_start)
    if tonumber(draw_ceiling) > tonumber(stored_draw_ceiling or 0) then
      server.call('HSET', state_key, 'draw_ceiling', draw_ceiling)
    end
  end
  if tonumber(ceiling) > tonumber(stored_ceiling) then server.call('HSET', state_key, 'ceiling', ceiling) end
  return 1
end

-- Note [One server a room] in README.md: reply to nobody any more, or ask for an epoch of one's own.
-- ARGV   1 epoch  2 superseded: 1 to reply to nobody, 0 to ask for an epoch
-- Reply  1, or 0 where that epoch is over
local function supersede(keys, args)
  local state_key = keys[2]
  local epoch, superseded = unpack(args)
  local run, stored_epoch = unpack(server.call('HMGET', state_key, 'run', 'epoch'), 1, 2)
  if run ~= current_run() or tonumber(stored_epoch) ~= tonumber(epoch) then return 0 end
  if superseded == '1' then
    server.call('HSET', state_key, 'superseded', 1)
  else
    server.call('HDEL', state_key, 'run')
  end
  return 1
end

-- Note [Library versions] in README.md: what a function of a name takes and returns never changes.
server.register_function('frontrow_queue_v1_join_many', join_many)
server.register_function('frontrow_queue_v1_poll_many', poll_many)
server.register_function('frontrow_queue_v1_join', join)
server.register_function('frontrow_queue_v1_poll', poll)
server.register_function('frontrow_queue_v1_quit', end_place)
server.register_function('frontrow_queue_v1_tick', tick)
server.register_function('frontrow_queue_v1_status', public_status)
server.register_function('frontrow_queue_v1_mirror_config', mirror_config)
server.register_function('frontrow_queue_v1_begin', begin)
server.register_function('frontrow_queue_v1_raise', raise)
server.register_function('frontrow_queue_v1_supersede', supersede)

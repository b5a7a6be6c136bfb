-- serve: a freed or added slot goes, in the same script, to the first waiting job the node can do.
--@include nodes
--@include assign

-- Every script that changes a node ends here. Returns the jobs assigned; the caller tells the node's owner, unless that
-- is the one who asks (`node.asks`), who sends them as it hears the reply. `...` are fields of its record that have
-- changed.
local function serve_node(node, ...)
  refresh_node(node, ...)
  if node.held_for == '' and (node.why ~= '' or limit('waiting') == 0) then
    return {}
  end
  --@include serving
  read_limits('turn', 'vtime', 'affinity_percent', 'dispatch_ms', 'ack_ms', 'attempt_ms')
  return hand_out(node)
end

local function serve_and_tell(node)
  for _, job in ipairs(serve_node(node)) do
    tell_dispatch(job, node)
  end
end

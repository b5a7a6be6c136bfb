/** Gather a session's answers from now on; an asynchronous iterator, which throws what ended the session. */
export function answersOf(session) {
  const queue = [];
  let over = null; // { error } at the end
  let wake = () => {};
  const put = ({ type, detail }) => { queue.push({ type, ...detail }); wake(); };
  const end = ({ detail: error }) => { over = { error }; wake(); };
  const listeners = [["sentence", put], ["missing", put], ["end", end]];
  listeners.forEach(([type, listener]) => session.addEventListener(type, listener));
  return (async function* give() {
    try {
      while (queue.length || !over) {
        if (queue.length) yield queue.shift();
        else await new Promise((done) => { wake = done; });
      }
      if (over.error) throw over.error;
    } finally {
      listeners.forEach(([type, listener]) => session.removeEventListener(type, listener));
    }
  })();
}

/** Which parts of the page are out of sight. */

/** {hidden(node), close()}. `onCome(node)`: called whenever one comes into sight; until it is known, all are in it. */
export function makeSight(nodes, onCome) {
  const hidden = new Set();
  const watcher = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen) {
      if (isIntersecting) {
        hidden.delete(target);
        onCome(target);
      } else hidden.add(target);
    }
  });
  nodes.forEach((node) => watcher.observe(node));
  return { hidden: (node) => hidden.has(node), close: () => watcher.disconnect() };
}

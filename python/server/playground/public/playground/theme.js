// Before the first paint: the colours that were chosen the last time.
try {
  const kept = localStorage.getItem('smooth-operator.theme');
  if (kept === 'light' || kept === 'dark') document.documentElement.dataset.theme = kept;
} catch {
  // A browser that keeps nothing shows what the system prefers.
}

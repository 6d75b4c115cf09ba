// What the tests ask of a page: expressions by name.
({
  // Texts whose contrast with what lies behind them is below 4.5 (WCAG AA).
  faint() {
    const brush = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const parts = (css) => {
      brush.clearRect(0, 0, 1, 1);
      brush.fillStyle = css;
      brush.fillRect(0, 0, 1, 1);
      return brush.getImageData(0, 0, 1, 1).data;
    };
    const linear = (v) => (v / 255 <= 0.03928 ? v / 3294.6 : ((v / 255 + 0.055) / 1.055) ** 2.4);
    const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    const over = (top, below) => below.map((v, i) => (top[i] * top[3] + v * (255 - top[3])) / 255);
    const ratio = (element) => {
      const chain = [];
      for (let one = element; one; one = one.parentElement) chain.unshift(one);
      const behind = chain.reduce(
        (below, one) => over(parts(getComputedStyle(one).backgroundColor), below),
        [255, 255, 255],
      );
      const front = over(parts(getComputedStyle(element).color), behind);
      const [low, high] = [light(front), light(behind)].sort((one, two) => one - two);
      return (high + 0.05) / (low + 0.05);
    };
    return this.texts(".md-content", "svg, .headerlink")
      .filter((node) => node.parentElement.getClientRects().length)
      .filter((node) => ratio(node.parentElement) < 4.5)
      .map((node) => node.data.trim());
  },

  // Words of a sensible length that stand on two lines.
  broken() {
    return this.texts(".md-content", "svg, pre").flatMap((node) =>
      [...node.data.matchAll(/(?<=^|\s)[\p{L}\p{N}_]{1,20}(?=\s|$)/gu)]
        .filter((word) => {
          const range = document.createRange();
          range.setStart(node, word.index);
          range.setEnd(node, word.index + word[0].length);
          return new Set([...range.getClientRects()].map((line) => Math.round(line.top))).size > 1;
        })
        .map((word) => word[0]),
    );
  },

  // How far the page can be pushed sideways.
  sideways: () => document.scrollingElement.scrollWidth - innerWidth,

  texts(inside, but) {
    const walker = document.createTreeWalker(
      document.querySelector(inside),
      NodeFilter.SHOW_TEXT,
      (node) => (node.data.trim() && !node.parentElement.closest(but) ? 1 : 2),
    );
    const found = [];
    while (walker.nextNode()) found.push(walker.currentNode);
    return found;
  },
})

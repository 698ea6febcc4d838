// The envelopes of documented examples, in both dialects.

/** What a list of one page shows: `path` is its own, `items2024` the same items in the older dialect. */
export const pageExample = (path: string, items: readonly object[], items2024 = items) => {
  const url = `https://api.example.com/api/v1${path}?page=1`;
  const links = { first: url, last: url, prev: null, next: null };
  const total = items.length;
  return {
    example: {
      data: items,
      meta: { current_page: 1, from: 1, last_page: 1, per_page: 25, to: total, total },
      links,
    },
    example2024: {
      data: items2024,
      meta: { current_page: 1, per_page: 15, total, last_page: 1 },
      links,
    },
  };
};

/** What a write tells: the older dialect leaves the message out. */
export const toldExample = (message: string, data: object, data2024 = data) => ({
  example: { message, data },
  example2024: { data: data2024 },
});

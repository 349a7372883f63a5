"""A bar chart as SVG, by hand: groups of bars with their spread."""

import html

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 860, 420, 70, 70, 60
COLOURS = ("#9aa5b1", "#e4572e", "#4f6d9b", "#76b041")


def bars(title, note, unit, series, groups):
    """`groups` are (label, {series: (value, low, high)}); the order of the bars is that of `series`."""
    top = nice(max(high for _, bar in groups for _, _, high in bar.values()))
    plot_width, plot_height = WIDTH - LEFT - 20, HEIGHT - TOP - BOTTOM
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
           f'font-size="12" role="img"><title>{html.escape(title)}</title>',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
           text(LEFT, 24, title, size=16), text(LEFT, 44, note, fill="#555")]

    def y(value):
        return TOP + plot_height * (1 - value / top)

    for step in range(6):
        value = top * step / 5
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#ddd"/>')
        out.append(text(LEFT - 8, y(value) + 4, f"{value:,.0f}", anchor="end", fill="#555"))
    out.append(text(LEFT - 8, TOP - 12, unit, anchor="end", fill="#555"))
    group_width = plot_width / len(groups)
    bar_width = group_width * 0.8 / len(series)
    for index, (label, values) in enumerate(groups):
        left = LEFT + group_width * (index + 0.1)
        out.append(text(left + group_width * 0.4, HEIGHT - BOTTOM + 18, label, anchor="middle"))
        for place, name in enumerate(series):
            if name not in values:
                continue
            value, low, high = values[name]
            x, middle = left + place * bar_width, left + (place + 0.46) * bar_width
            out.append(f'<rect x="{x:.1f}" y="{y(value):.1f}" width="{bar_width * 0.92:.1f}" '
                       f'height="{plot_height + TOP - y(value):.1f}" fill="{COLOURS[place]}"/>')
            out.append(f'<line x1="{middle:.1f}" x2="{middle:.1f}" y1="{y(low):.1f}" y2="{y(high):.1f}" '
                       'stroke="#222"/>')
            out.append(text(middle, y(high) - 4, f"{value:,.0f}", anchor="middle", size=10))
    for place, name in enumerate(series):
        x = LEFT + place * 200
        out.append(f'<rect x="{x}" y="{HEIGHT - 24}" width="12" height="12" fill="{COLOURS[place]}"/>')
        out.append(text(x + 18, HEIGHT - 14, name))
    return "\n".join([*out, "</svg>"]) + "\n"


def text(x, y, words, anchor="start", size=12, fill="#111"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{fill}">'
            f"{html.escape(words)}</text>")


def nice(value):
    """The next of 1, 1.5, 2, 3, 4, 5, 6, 8 times a power of ten."""
    power = 1
    while power * 10 <= value:
        power *= 10
    return next(step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= value)

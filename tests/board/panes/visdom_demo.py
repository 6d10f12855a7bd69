"""What the demo of visdom 0.2.4 calls (example/demo.py and example/components of its repository), one by one.

Each function has the demo's name and makes the demo's calls with the same options, on smaller data. It gets
the client, and `wins(env)`, what the server then holds, by name; it asserts what must be there.
"""

import json

import numpy as np

DEMO = {}
NOT_RUN = {
    "misc_video_tensor": "the client itself needs PyAV; `Panel.video` does not",
    "misc_video_download": "downloads a film; misc_video_file shows one from a file",
    "misc_audio_download": "downloads a sound; misc_audio_basic shows one",
}


def demo(function):
    DEMO[function.__name__] = function
    return function


def traces(pane):
    return pane["content"]["data"]


@demo
def text_basic(viz, wins):
    win = viz.text("Hello World!", opts={"title": None})
    assert wins()[win]["content"] == "Hello World!"


@demo
def text_update(viz, wins):
    win = viz.text("Hello World! More text should be here")
    viz.text("And here it is", win=win, append=True)
    assert wins()[win]["content"] == "Hello World! More text should be here<br>And here it is"


@demo
def text_callbacks(viz, wins):
    win = viz.text("This is a write demo notepad.<br>")
    viz.register_event_handler(lambda event: None, win)
    assert wins()[win]["type"] == "text"


@demo
def text_close(viz, wins):
    win = viz.text("Hello World!")
    viz.close(win=win)
    assert not viz.win_exists(win) and win not in wins()


@demo
def text_fork(viz, wins):
    viz.text("This text will change. Fork to the rescue!", win="fork_test")
    assert viz.fork_env(viz.env, viz.env + "_fork") == viz.env + "_fork"
    viz.text("Changed text.", win="fork_test")
    assert wins(viz.env + "_fork")["fork_test"]["content"].startswith("This text will change")
    assert wins()["fork_test"]["content"] == "Changed text."


@demo
def image_basic(viz, wins):
    win = viz.image(np.random.rand(3, 51, 25), opts={"title": "Random!", "caption": "Click me!"})
    assert wins()[win]["content"]["src"].startswith("data:image/png;base64,")


@demo
def image_callback(viz, wins):
    win = viz.image(np.random.rand(3, 51, 25), opts={"title": "Random!", "caption": "Click me!"})
    coords = viz.text("Coords: ")
    viz.register_event_handler(lambda event: None, win)
    assert viz.text("x: 1, y: 2;", win=coords, append=True) == coords


@demo
def image_callback2(viz, wins):
    options = dict(title="Colors", caption="Press arrows to alter color.")
    win = viz.image(np.full([3, 25, 25], 0.0), opts=dict(options))
    before = wins()[win]["content"]["src"]
    assert viz.image(np.full([3, 25, 25], 0.2), opts=dict(options), win=win) == win
    assert wins()[win]["content"]["src"] != before


@demo
def image_save_jpeg(viz, wins):
    win = viz.image(np.random.rand(3, 51, 25), opts=dict(title="Random image as jpg!", jpgquality=50))
    assert wins()[win]["content"]["src"].startswith("data:image/jpeg;base64,")


@demo
def image_history(viz, wins):
    for caption in ("First random", "Second random!"):
        viz.image(
            np.random.rand(3, 51, 25), win="image_history", opts=dict(caption=caption, store_history=True)
        )
    pane = wins()["image_history"]
    assert [each["caption"] for each in pane["content"]] == ["First random", "Second random!"]
    assert pane["selected"] == 1


@demo
def image_grid(viz, wins):
    win = viz.images(np.random.randn(20, 3, 16, 16), opts=dict(title="Random images", caption="How random."))
    assert wins()[win]["title"] == "Random images"


@demo
def image_svg(viz, wins):
    svg = '<svg height="300" width="300"><ellipse cx="80" cy="80" rx="50" ry="30" /></svg>'
    win = viz.svg(svgstr=svg, opts=dict(title="Example of SVG Rendering"))
    assert "<ellipse" in wins()[win]["content"]


@demo
def plot_line_basic(viz, wins):
    win = viz.line(Y=np.random.rand(10), opts=dict(showlegend=True, title=None))
    assert len(traces(wins()[win])[0]["y"]) == 10


@demo
def plot_line_multiple(viz, wins):
    y = np.linspace(-5, 5, 100)
    win = viz.line(
        Y=np.column_stack((y * y, np.sqrt(y + 5))), X=np.column_stack((y, y)), opts=dict(markers=False)
    )
    assert [len(trace["x"]) for trace in traces(wins()[win])] == [100, 100]


@demo
def plot_line_webgl(viz, wins):
    x = np.linspace(-1, 0, 20_000)
    viz.line(X=x, Y=x**3, opts=dict(title="points using WebGL", webgl=True), win="WebGL demo")
    assert traces(wins()["WebGL demo"])[0]["type"] == "scattergl"


@demo
def plot_line_update_webgl(viz, wins):
    plot_line_webgl(viz, wins)
    x = np.linspace(0, 1, 20_000)
    viz.line(X=x, Y=x**3, win="WebGL demo", update="append", opts=dict(title="twice", webgl=True))
    pane = wins()["WebGL demo"]
    assert len(traces(pane)[0]["x"]) == 40_000 and pane["title"] == "twice"


@demo
def plot_line_update(viz, wins):
    def both(a, b):
        return np.column_stack((np.arange(a, b), np.arange(a, b)))

    y = np.linspace(5, 10, 10)
    win = viz.line(X=both(0, 10), Y=np.column_stack((y, y + 5)))
    viz.line(X=both(10, 20), Y=np.column_stack((y, y + 5)), win=win, update="append")
    viz.line(X=np.arange(21, 30), Y=np.arange(1, 10), win=win, name="2", update="append")
    viz.line(X=np.arange(1, 10), Y=np.arange(11, 20), win=win, name="delete this", update="append")
    viz.line(X=np.arange(1, 10), Y=np.arange(11, 20), win=win, name="4", update="insert")
    viz.line(X=None, Y=None, win=win, name="delete this", update="remove")
    assert [(t["name"], len(t["x"])) for t in traces(wins()[win])] == [("1", 20), ("2", 29), ("4", 9)]


@demo
def plot_line_many_updates(viz, wins):
    y = np.linspace(5, 10, 10)
    win = viz.line(X=np.column_stack((np.arange(10), np.arange(10))), Y=np.column_stack((y, y + 5)))
    for i in range(1, 21):
        x = i * 10 + np.arange(10, 20)
        viz.line(X=np.column_stack((x, x)), Y=np.column_stack((y, y)), win=win, update="append")
    assert [len(t["x"]) for t in traces(wins()[win])] == [210, 210]


@demo
def plot_line_opts(viz, wins):
    x, y = np.arange(0, 10), np.linspace(5, 10, 10)
    opts = {
        "dash": np.array(["solid", "dash", "dashdot"]),
        "title": "Different line dash types",
        "linecolor": np.array([[0, 191, 255], [0, 191, 255], [255, 0, 0]]),
    }
    win = viz.line(X=np.column_stack((x, x, x)), Y=np.column_stack((y, y + 5, y + 10)), opts=opts)
    assert traces(wins()[win])[2]["line"] == {"dash": "dashdot", "color": "#ff0000"}
    return win


@demo
def plot_line_opts_update(viz, wins):
    win = plot_line_opts(viz, wins)
    opts = {"linecolor": np.array([[255, 0, 0]]), "dash": np.array(["dot"])}
    viz.line(X=np.arange(0, 10), Y=np.linspace(5, 10, 10), win=win, name="4", update="insert", opts=opts)
    assert traces(wins()[win])[3]["line"] == {"dash": "dot", "color": "#ff0000"}


@demo
def plot_line_stackedarea(viz, wins):
    y = np.linspace(0, 4, 200)
    opts = dict(
        fillarea=True,
        showlegend=False,
        width=800,
        height=800,
        xlabel="Time",
        ylabel="Volume",
        ytype="log",
        title="Stacked area plot",
        marginleft=30,
        marginright=30,
        marginbottom=80,
        margintop=30,
    )
    win = viz.line(Y=np.column_stack((np.sqrt(y), np.sqrt(y) + 2)), X=np.column_stack((y, y)), opts=opts)
    assert traces(wins()[win])[0]["fill"] == "tonexty" and wins()[win]["width"] == 800
    return win


@demo
def plot_line_maxsize(viz, wins):
    win = plot_line_stackedarea(viz, wins)
    viz.update_window_opts(win=win, opts=dict(width=300, height=300))
    assert (wins()[win]["width"], wins()[win]["height"]) == (300, 300)


@demo
def plot_line_doubleyaxis(viz, wins):
    viz.dual_axis_lines(
        np.arange(20), np.random.randint(0, 20, 20), np.random.randint(0, 20, 20), opts={}, win="two"
    )
    assert traces(wins()["two"])[1]["yaxis"] == "y2"


@demo
def plot_line_pytorch(viz, wins):
    try:
        import torch
    except ImportError:
        return
    win = viz.line(Y=torch.Tensor([[0.0, 0.0], [1.0, 1.0]]))
    assert len(traces(wins()[win])) == 2


@demo
def plot_line_stem(viz, wins):
    y = np.linspace(0, 2 * np.pi, 70)
    win = viz.stem(X=np.column_stack((np.sin(y), np.cos(y))), Y=y, opts=dict(legend=["Sine", "Cosine"]))
    assert [t["name"] for t in traces(wins()[win])] == ["Sine", "Cosine"]


SCATTER = dict(
    legend=["Didnt", "Update"],
    xtickmin=-50,
    xtickmax=50,
    xtickstep=0.5,
    ytickmin=-50,
    ytickmax=50,
    ytickstep=0.5,
    markersymbol="cross-thin-open",
)


@demo
def plot_scatter_basic(viz, wins):
    win = viz.scatter(X=np.random.rand(100, 2), Y=np.arange(100) % 2 + 1, opts=dict(SCATTER))
    assert wins()[win]["content"]["layout"]["xaxis"]["range"] == [-50, 50]
    return win


@demo
def plot_scatter_update_opts(viz, wins):
    win = plot_scatter_basic(viz, wins)
    opts = SCATTER | dict(legend=["Apples", "Pears"], xtickmin=0.1, xtickmax=1, ytickmin=0.1, ytickmax=1)
    viz.update_window_opts(win=win, opts=opts)
    assert [t["name"] for t in traces(wins()[win])] == ["Apples", "Pears"]
    assert wins()[win]["content"]["layout"]["xaxis"]["range"] == [0.1, 1]


@demo
def plot_scatter_append(viz, wins):
    colors = np.random.randint(0, 255, (2, 3))
    labels = np.arange(255) % 2 + 1
    opts = dict(markersize=10, markercolor=colors, legend=["1", "2"])
    win = viz.scatter(X=np.random.rand(255, 2), Y=labels, opts=opts)
    viz.scatter(
        X=np.random.rand(255),
        Y=np.random.rand(255),
        name="1",
        update="append",
        win=win,
        opts=dict(markersize=10, markercolor=colors[0].reshape(-1, 3)),
    )
    viz.scatter(
        X=np.random.rand(255, 2),
        Y=labels,
        opts=dict(markersize=10, markercolor=colors),
        update="append",
        win=win,
    )
    first, second = traces(wins()[win])
    assert len(first["x"]) == len(first["marker"]["color"]) == 128 + 255 + 128 and len(second["x"]) == 254


@demo
def plot_scatter_3d(viz, wins):
    opts = dict(
        legend=["Men", "Women"],
        markersize=5,
        xtickmin=0,
        xtickmax=2,
        xlabel="Arbitrary",
        xtickvals=[0, 0.75, 1.6, 2],
        ytickmin=0,
        ytickmax=2,
        ytickstep=0.5,
        ztickmin=0,
        ztickmax=1,
        ztickstep=0.5,
    )
    win = viz.scatter(X=np.random.rand(100, 3), Y=np.arange(100) % 2 + 1, opts=opts)
    assert traces(wins()[win])[0]["type"] == "scatter3d"


@demo
def plot_scatter_custom_marker(viz, wins):
    opts = dict(markersize=10, markercolor=np.random.randint(0, 255, (2, 3)))
    win = viz.scatter(X=np.random.rand(255, 2), Y=np.arange(255) % 2 + 1, opts=opts)
    assert len(traces(wins()[win])) == 2


@demo
def plot_scatter_custom_colors(viz, wins):
    colors = np.floor(np.random.random((2, 3)) * 255)
    opts = dict(markersize=10, markercolor=colors, markerborderwidth=0)
    win = viz.scatter(X=np.random.rand(255, 2), Y=np.arange(255) % 2 + 1, opts=opts)
    assert len(set(traces(wins()[win])[0]["marker"]["color"])) == 1


@demo
def plot_scatter_add_trace(viz, wins):
    opts = dict(markersize=10, markercolor=np.random.randint(0, 255, (255, 3)))
    win = viz.scatter(X=np.random.rand(255, 2), opts=opts)
    assert viz.win_exists(win)
    viz.scatter(X=np.random.rand(255), Y=np.random.rand(255), win=win, name="new_trace", update="new")
    assert [t["name"] for t in traces(wins()[win])] == ["1", "new_trace"]


@demo
def plot_scatter_text_labels_1d(viz, wins):
    win = viz.scatter(X=np.random.rand(10, 2), opts=dict(textlabels=[f"Label {i + 1}" for i in range(10)]))
    assert traces(wins()[win])[0]["text"][9] == "Label 10"


@demo
def plot_scatter_text_labels_2d(viz, wins):
    opts = dict(legend=["A", "B", "C"], textlabels=[f"Label {i + 1}" for i in range(10)])
    win = viz.scatter(X=np.random.rand(10, 2), Y=[1] * 5 + [2] * 3 + [3] * 2, opts=opts)
    assert [len(t["text"]) for t in traces(wins()[win])] == [5, 3, 2]


@demo
def plot_bar_basic(viz, wins):
    win = viz.bar(X=np.random.rand(20), opts={})
    assert traces(wins()[win])[0]["type"] == "bar"


@demo
def plot_bar_stacked(viz, wins):
    opts = dict(
        stacked=True,
        legend=["Facebook", "Google", "Twitter"],
        rownames=["2012", "2013", "2014", "2015", "2016"],
    )
    win = viz.bar(X=np.abs(np.random.rand(5, 3)), opts=opts)
    assert wins()[win]["content"]["layout"]["barmode"] == "stack"


@demo
def plot_bar_nonstacked(viz, wins):
    opts = dict(stacked=False, legend=["The Netherlands", "France", "United States"])
    win = viz.bar(X=np.random.rand(20, 3), opts=opts)
    assert len(traces(wins()[win])) == 3


@demo
def plot_bar_histogram(viz, wins):
    win = viz.histogram(X=np.random.rand(10000), opts=dict(numbins=20))
    assert sum(traces(wins()[win])[0]["y"]) == 10000


@demo
def plot_bar_piechart(viz, wins):
    opts = dict(legend=["Residential", "Non-Residential", "Utility"])
    win = viz.pie(X=np.asarray([19, 26, 55]), opts=opts)
    assert traces(wins()[win])[0]["values"] == [19, 26, 55]


@demo
def plot_special_boxplot(viz, wins):
    win = viz.boxplot(X=np.random.rand(100, 2) + [0, 2], opts=dict(legend=["Men", "Women"]))
    assert [t["type"] for t in traces(wins()[win])] == ["box", "box"]


@demo
def plot_special_quiver(viz, wins):
    x, y = np.meshgrid(np.arange(0, 2.1, 0.2), np.arange(0, 2.1, 0.2), indexing="ij")
    win = viz.quiver(X=np.cos(x) * y, Y=np.sin(x) * y, opts=dict(normalize=0.9))
    assert None in traces(wins()[win])[0]["x"]


@demo
def plot_special_mesh(viz, wins):
    x = np.c_[[0, 0, 1, 1, 0, 0, 1, 1], [0, 1, 1, 0, 0, 1, 1, 0], [0, 0, 0, 0, 1, 1, 1, 1]]
    y = np.c_[
        [7, 0, 0, 0, 4, 4, 6, 6, 4, 0, 3, 2],
        [3, 4, 1, 2, 5, 6, 5, 2, 0, 1, 6, 3],
        [0, 7, 2, 3, 6, 7, 1, 1, 5, 5, 7, 6],
    ]
    win = viz.mesh(X=x, Y=y, opts=dict(opacity=0.5))
    assert traces(wins()[win])[0]["type"] == "mesh3d"


@demo
def plot_special_graph(viz, wins):
    edges = [(0, 1), (0, 2), (1, 3), (1, 4), (1, 5), (4, 5)]
    opts = {"showEdgeLabels": True, "showVertexLabels": True, "scheme": "different", "directed": False}
    names = ["Orange", "Mango", "Apple", "Grapes", "Papaya", "kiwi"]
    win = viz.graph(edges, list("ABCDEF"), names, opts=opts)
    assert [node["label"] for node in wins()[win]["content"]["nodes"]] == names


@demo
def misc_plot_matplot(viz, wins):
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot([1, 23, 2, 4])
    win = viz.matplot(figure)
    assert wins()[win]["content"].startswith("<svg")


def latex(viz):
    opts = {"showlegend": True, "title": "Demo Latex in Visdom", "xlabel": r"$\sqrt{(n_\text{c})}$"}
    return viz.line(X=[1, 2, 3, 4], Y=[1, 4, 9, 16], name=r"$\alpha_{1c} = 352$", opts=opts)


@demo
def misc_plot_latex(viz, wins):
    win = latex(viz)
    assert traces(wins()[win])[0]["name"] == r"$\alpha_{1c} = 352$"


@demo
def misc_plot_latex_update(viz, wins):
    win = latex(viz)
    viz.line(X=[1, 2, 3, 4], Y=[0.5, 2, 4.5, 8], win=win, name=r"$\beta_{1c} = 25$", update="append")
    assert len(traces(wins()[win])) == 2


@demo
def misc_video_file(viz, wins, folder="."):
    path = f"{folder}/film.mp4"
    with open(path, "wb") as file:
        file.write(b"\0" * 1000)
    win = viz.video(videofile=path, opts={"width": 864, "height": 480})
    assert "data:video/mp4;base64," in wins()[win]["content"]


@demo
def misc_audio_basic(viz, wins):
    win = viz.audio(tensor=np.random.uniform(-1, 1, 4410), opts={"sample_frequency": 44100})
    assert "data:audio/wav;base64," in wins()[win]["content"]


@demo
def misc_arbitrary_visdom(viz, wins):
    trace = dict(
        x=[1, 2, 3],
        y=[4, 5, 6],
        mode="markers+lines",
        type="custom",
        text=["one", "two", "three"],
        marker={"color": "red", "symbol": 104, "size": "10"},
        name="1st Trace",
    )
    layout = dict(title="First Plot", xaxis={"title": "x1"}, yaxis={"title": "x2"})
    viz._send({"data": [trace], "layout": layout, "win": "mywin"})
    assert traces(wins()["mywin"])[0]["marker"]["size"] == "10"


@demo
def misc_getset_state(viz, wins):
    win = viz.text("test one")
    data = json.loads(viz.get_window_data(win))
    data["content"] = "test two"
    viz.set_window_data(json.dumps(data), win=win)
    assert wins()[win]["content"] == "test two"


PROPERTIES = [
    {"type": "text", "name": "Text input", "value": "initial"},
    {"type": "number", "name": "Number input", "value": "12"},
    {"type": "button", "name": "Button", "value": "Start"},
    {"type": "checkbox", "name": "Checkbox", "value": True},
    {"type": "select", "name": "Select", "value": 1, "values": ["Red", "Green", "Blue"]},
]


@demo
def properties_basic(viz, wins):
    win = viz.properties(PROPERTIES)
    assert wins()[win]["content"] == PROPERTIES


@demo
def properties_callbacks(viz, wins):
    win = viz.properties(PROPERTIES)
    viz.register_event_handler(lambda event: None, win)
    changed = [PROPERTIES[0] | {"value": "initial_updated"}, *PROPERTIES[1:]]
    assert viz.properties(changed, win=win) == win
    assert wins()[win]["content"][0]["value"] == "initial_updated"

"""Data flow over functions, classes and files, in every language; and what it must not report."""
# ruff: noqa: E501

from __future__ import annotations

import logging

import pytest

from agents.builtin.scanning import flow
from agents.builtin.scanning.flow import csharp_reader
from agents.builtin.scanning.flow.formatted import plain
from agents.builtin.scanning.flow.patterns import compiled
from agents.builtin.scanning.rules import flow_rules
from agents.builtin.scanning.source_files import SourceFile

LOG = logging.getLogger("test")


def found(**files: str) -> set[tuple[str, int, str]]:
    given = [SourceFile(name=name.replace("__", "/"), text=text) for name, text in files.items()]
    return {(one.file, one.line, one.rule) for one in flow.scan(given, LOG).found}


OVER_FILES = {
    "python": (
        {
            "app.py": "from flask import request\nfrom db import lookup\n"
            "def view():\n    return lookup(request.args['name'])\n",
            "db.py": "def lookup(name):\n    return run(f\"select * from t where n = '{name}'\")\n"
            "def run(sql):\n    return cursor.execute(sql)\n",
        },
        ("db.py", 4, "py/sql-injection"),
    ),
    "javascript": (
        {
            "app.js": "const { lookup } = require('./lib/db');\n"
            "app.get('/u', (req, res) => { lookup(req.query.name); res.json({}); });\n",
            "lib/db.js": "function lookup(name) {\n  return pool.query(`select '${name}'`);\n}\nmodule.exports = { lookup };\n",
        },
        ("lib/db.js", 2, "js/sql-injection"),
    ),
    "typescript": (
        {
            "a.ts": "import { Store } from './store';\nconst store = new Store();\n"
            "router.post('/', (req: Request, res: Response) => { store.find(req.body.id); });\n",
            "store.ts": "export class Store {\n  find(id: string) {\n    return this.db.query('select ' + id);\n  }\n}\n",
        },
        ("store.ts", 3, "js/sql-injection"),
    ),
    "java": (
        {
            "A.java": "class A extends HttpServlet { void doGet(HttpServletRequest request, R response) {\n"
            ' new Dao().find(request.getParameter("a")); } }\n',
            "Dao.java": "class Dao {\n  void find(String name) {\n"
            '    statement.executeQuery("select \'" + name + "\'");\n  }\n}\n',
        },
        ("Dao.java", 3, "java/sql-injection"),
    ),
    "go": (
        {
            "a.go": 'package a\nfunc Handle(w http.ResponseWriter, req *http.Request) {\n\tlookup(req.FormValue("a"))\n}\n',
            "b.go": 'package a\nfunc lookup(name string) {\n\tdb.Query("select \'" + name + "\'")\n}\n',
        },
        ("b.go", 3, "go/sql-injection"),
    ),
    "php": (
        {
            "a.php": "<?php\nrequire 'b.php';\n$dao = new Dao();\n$dao->lookup($_GET['a']);\n",
            "b.php": "<?php\nclass Dao {\n  function lookup($name) {\n    return mysqli_query($this->c, \"select '$name'\");\n  }\n}\n",
        },
        ("b.php", 4, "php/sql-injection"),
    ),
    "csharp": (
        {
            "A.cs": "public class HomeController : Controller {\n  public IActionResult Get(string name) {\n"
            "    return Ok(new Dao().Find(name));\n  }\n}\n",
            "Dao.cs": "public class Dao {\n  public object Find(string name) {\n"
            "    return new SqlCommand($\"select '{name}'\", connection);\n  }\n}\n",
        },
        ("Dao.cs", 3, "cs/sql-injection"),
    ),
    "ruby": (
        {
            "a.rb": "class UsersController\n  def show\n    Finder.new.lookup(params[:name])\n  end\nend\n",
            "b.rb": "class Finder\n  def lookup(name)\n    ActiveRecord::Base.connection.execute(\"select '#{name}'\")\n  end\nend\n",
        },
        ("b.rb", 3, "rb/sql-injection"),
    ),
}


@pytest.mark.parametrize("language", OVER_FILES)
def test_a_flow_over_files_is_found_where_it_ends(language):
    files, expected = OVER_FILES[language]

    done = flow.scan([SourceFile(name=name, text=text) for name, text in files.items()], LOG)

    assert expected in {(one.file, one.line, one.rule) for one in done.found}
    [way] = [one.flow for one in done.found if (one.file, one.line, one.rule) == expected]
    assert len({step.file for step in way}) == 2


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("def name():\n    return request.args['n']\ndef f():\n    os.system('ls ' + name())\n", {4}),
        ("def clean(x):\n    return 'fixed'\ndef f():\n    os.system(clean(request.args['n']))\n", set()),
        (
            "class A:\n    def __init__(self):\n        self.n = request.args['n']\n"
            "    def run(self):\n        os.system(self.n)\n",
            {5},
        ),
        ("def outer():\n    n = request.args['n']\n    def inner():\n        os.system(n)\n    inner()\n", {4}),
        (
            "def f():\n    d = {}\n    d['a'] = request.args['n']\n    d['b'] = 'ls'\n    os.system(d['b'])\n",
            set(),
        ),
        (
            "def f():\n    x = []\n    x.append('ls')\n    x.append(request.args['n'])\n    x.pop(0)\n    os.system(x[0])\n",
            {6},
        ),
        ("def f():\n    n = request.args['n'] if 7 * 6 > 50 else 'ls'\n    os.system(n)\n", set()),
        (
            "def f():\n    n = request.args['n']\n    if n not in ALLOWED:\n        return\n    os.system(n)\n",
            set(),
        ),
        ("def f():\n    n = request.args['n']\n    if n in ALLOWED:\n        log()\n    os.system(n)\n", {5}),
        ("def f():\n    os.system('ls ' + str(int(request.args['n'])))\n", set()),
        ("def f():\n    for one in request.args.getlist('n'):\n        os.system(one)\n", {3}),
        ("def f():\n    os.system(' '.join(x for x in request.args.values()))\n", {2}),
        (
            "def f():\n    match 'b':\n        case 'a':\n            n = request.args['n']\n        case _:\n            n = 'ls'\n    os.system(n)\n",
            set(),
        ),
        (
            "def f(n):\n    try:\n        n = request.args['n']\n    except KeyError:\n        n = ''\n    os.system(n)\n",
            {6},
        ),
        ('def f():\n    n = request.args[\'n\']\n    os.system(f"ls {n.split(" ")[0]}")\n', {3}),
    ],
)
def test_python_is_run_with_what_is_known_of_its_values(text, lines):
    text = "from flask import request\nimport os\n" + text

    assert {line - 2 for _, line, rule in found(**{"a.py": text}) if rule == "py/shell-injection"} == lines


@pytest.mark.parametrize(
    ("made", "is_command"),
    [
        ("a = ['sh', '-c', n]", True),
        ("a = ['sh', '-c']\n    a.append(f'echo {n}')", True),
        ("a = []\n    a.append('bash')\n    a.append('-c')\n    a.append(n)", True),
        ("a = ['sh', '-c']\n    a += [n]", True),
        ("a = ['sh']\n    a.extend(['-c', n])", True),
        ("a = ['cmd.exe', '/c'] if os.name == 'nt' else ['sh', '-c']\n    a.append(n)", True),
        ("a, b = ('cmd.exe', '/c') if os.name == 'nt' else ('sh', '-c')\n    a = [a, b, n]", True),
        ("a = [n, '-l']", True),
        ("a = n", True),
        ("a = ['ls', n]", False),
        ("a = ['ls']\n    a.append(n)", False),
        ("a = ['git', 'log']\n    a.append('--')\n    a.append(n)", False),
        ("a = ['sh', '-c', 'ls']", False),
    ],
)
def test_a_list_of_words_is_a_command_where_a_visitor_chooses_the_program_or_what_a_shell_reads(made, is_command):
    text = f"from flask import request\nimport os, subprocess\ndef f():\n    n = request.args['n']\n    {made}\n"

    rules = {rule for _, _, rule in found(**{"a.py": text + "    subprocess.run(a, check=True)\n"})}

    assert rules == ({"py/shell-injection"} if is_command else set())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.js", "app.get('/', (req, res) => {{ const n = req.query.n;\n{}\n exec(n); }});"),
        (
            "A.java",
            'class A {{ void doGet(HttpServletRequest request) {{ String n = request.getParameter("n");\n{}\n Runtime.getRuntime().exec(n); }} }}',
        ),
        ("a.php", "<?php $n = $_GET['n'];\n{}\n system($n);"),
    ],
)
def test_a_list_of_what_is_allowed_makes_harmless(name, text):
    guard = {
        "a.js": "if (!ALLOWED.includes(n)) return;",
        "A.java": "if (!ALLOWED.contains(n)) return;",
        "a.php": "if (!in_array($n, $allowed)) exit;",
    }[name]

    assert {rule.split("/")[1] for _, _, rule in found(**{name: text.format("")})} == {"shell-injection"}
    assert found(**{name: text.format(guard)}) == set()


def test_work_is_bounded_and_what_was_left_is_said():
    nested = "f(" * 400 + "x" + ")" * 400
    text = "from flask import request\n" + "".join(f"def g{n}(x):\n    return {nested}\n" for n in range(40))
    endless = "def f(x):\n    return f(f(f(f(f(x)))))\nf(request.args)\n"

    done = flow.scan([SourceFile(name="a.py", text=text), SourceFile(name="b.py", text=endless)], LOG, seconds=30)

    assert done.found == []
    late = flow.scan([SourceFile(name="c.py", text=endless)], LOG, seconds=-1)
    assert (late.spent, late.late) == ({"c.py"}, {"c.py"})


def test_nearly_all_patterns_of_the_rules_are_understood():
    for data in flow_rules():
        language = data["languages"][0]
        sinks = [(one, spec.get("where", {})) for _, spec in data["flow"].values() for one in spec["sinks"]]
        unread = [one for one, where in sinks if compiled(language, one, where) is None]
        assert len(unread) <= 4, (language, unread)


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ('f"a{b["c"]}d"', '("a"+(b["c"])+"d")'),
        ("f'{x!r:>10}'", "((x))"),
        ("rf'{{}}'", "(r'{}')"),
        ("'f\"{x}\"'  # f'{'", "'f\"{x}\"'  # f'{'"),
    ],
)
def test_formatted_strings_are_read_in_the_newest_syntax(new, old):
    assert plain(new) == old


def test_a_change_is_looked_at_with_the_files_around_it():
    view = SourceFile(
        name="app.py", text="from flask import request\nfrom db import lookup\nlookup(request.args['n'])\n"
    )
    safe = SourceFile(name="db.py", text="def lookup(name):\n    return cursor.execute('select ?', [name])\n")
    unsafe = SourceFile(name="db.py", text="def lookup(name):\n    return cursor.execute('select ' + name)\n")
    other = SourceFile(name="b.py", text="from flask import request\neval(request.args['n'])\n")

    assert flow.scan([safe], LOG, around=[view, other]).found == []
    [one] = flow.scan([unsafe], LOG, around=[view, other]).found
    assert (one.file, one.line, one.rule) == ("db.py", 2, "py/sql-injection")
    assert {(one.file, one.rule) for one in flow.scan([view], LOG, around=[unsafe, other]).found} == {
        ("db.py", "py/sql-injection")
    }


def test_a_method_of_a_common_name_in_the_project_hides_no_flow():
    view = (
        "class A { void doGet(HttpServletRequest request, HttpServletResponse response) {\n"
        '  String n = new StringBuilder(request.getParameter("n")).append("x").toString();\n'
        "  response.getWriter().println(n);\n} }\n"
    )
    other = 'class Person { String name; public String toString() { return "a person"; } }\n'

    assert found(**{"A.java": view, "Person.java": other}) == {("A.java", 3, "java/xss")}


INJECTED = {
    "java": {
        "A.java": "@RestController\nclass A {\n  private final Dao dao;\n  A(Dao dao) { this.dao = dao; }\n"
        '  @GetMapping("/a")\n  Object a(@RequestParam String name) { return dao.get(name); }\n}\n',
        "Dao.java": "public class Dao {\n  public Dao(Connection c) { this.c = c; }\n  public Object get(String name) {\n"
        '    return jdbc.queryForList("select \'" + name + "\'");\n  }\n}\n',
    },
    "csharp": {
        "A.cs": "public class A : ControllerBase {\n  private readonly Dao _dao;\n  public A(Dao dao) { _dao = dao; }\n"
        '  [HttpGet("a")]\n  public IActionResult Get(string name) => Ok(_dao.Row(name));\n}\n',
        "Dao.cs": "public class Dao {\n  public Dao(Connection c) { _c = c; }\n  public object Row(string name) {\n"
        '    return _c.Query("select \'" + name + "\'");\n  }\n}\n',
    },
    "go": {
        "a.go": 'package a\nfunc routes(e *gin.Engine, dao *Dao) {\n\te.GET("/a", func(c *gin.Context) {\n\t\tdao.Row(c.Query("n"))\n\t})\n}\n',
        "dao.go": 'package a\ntype Dao struct{ db *sql.DB }\n\nfunc (d *Dao) Row(name string) { d.db.Query("select \'" + name + "\'") }\n',
    },
}


@pytest.mark.parametrize("language", INJECTED)
def test_data_is_followed_through_objects_that_are_given(language):
    assert {line for _, line, rule in found(**INJECTED[language]) if rule.endswith("sql-injection")} == {4}


def test_what_is_one_of_known_values_or_a_number_is_harmless_by_form_too():
    text = (
        "from flask import request\nCOLUMNS = {'a': 'a', 'b': 'b'}\n@app.route('/<int:page>')\ndef view(page):\n"
        "    column = COLUMNS.get(request.args['c'], 'a')\n"
        "    run('select * from t order by ' + column)\n"
        "    run(f'select * from t limit {page}')\n"
        "    run(f\"select * from t where a in ({','.join('?' for _ in request.args)})\")\n"
    )
    done = flow.scan([SourceFile(name="a.py", text=text)], LOG)

    assert [done.harmless.get(("a.py", line)) for line in (6, 7, 8)] == [frozenset({"py/sql-injection"})] * 3


def test_what_tests_put_in_is_no_flow_into_the_code_that_they_test():
    files = {
        "app__code.py": "import flask\ndef load(path):\n    return open(path)\n",
        "tests__test_code.py": "import flask\nfrom app.code import load\ndef test_load(request, path):\n    load(path)\n",
    }
    assert found(**files) == set()


@pytest.mark.parametrize(
    ("address", "is_found"),
    [
        ("f'{BASE}/items/{x}'", False),
        ("BASE + '/items/' + x", False),
        ("'https://a.example/' + x", False),
        ("f'https://{x}/items'", True),
        ("f'{SCHEME}://{x}/items'", True),
        ("'https://a.example' + x", True),
    ],
)
def test_who_gives_no_part_of_the_host_chooses_none(address, is_found):
    text = f"import flask, requests\nfrom settings import BASE, SCHEME\ndef view(request):\n    x = request.args['x']\n    requests.get({address})\n"

    assert bool(found(**{"a.py": text})) == is_found


def test_the_limit_is_of_work_and_not_of_time(monkeypatch):
    files = [
        SourceFile(name=f"{name}.py", text="from flask import request\ndef view():\n    eval(request.args['x'])\n")
        for name in "abc"
    ]
    monkeypatch.setattr(flow, "_STEPS", 5)

    results = [flow.scan(files, LOG) for _ in range(2)]

    assert [one.spent for one in results] == [frozenset({"b.py", "c.py"})] * 2
    assert [{found.file for found in one.found} for one in results] == [{"a.py"}] * 2


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (
            "a.js",
            "app.get('/', (req, res) => {\n  if (!LIST.includes(req.query.s)) return;\n  pool.query('order by ' + req.query.s);\n  pool.query('order by ' + req.query.t);\n});\n",
        ),
        (
            "a.py",
            "import flask\ndef view(request):\n    if request.args['s'] in LIST:\n        a.execute('order by ' + request.args['s']); b = 1\n        a.execute('order by ' + request.args['t'])\n",
        ),
        (
            "a.php",
            "<?php\n$s = in_array($_GET['s'] ?? '', ['a'], true) ? $_GET['s'] : 'id';\n$db->query('order by ' . $s);\n$db->query('order by ' . $_GET['t']);\n",
        ),
        (
            "a.php",
            "<?php\n$s = preg_replace('/[^a-z]/', '', $_GET['s']);\n$db->query('order by ' . $s);\n$db->query('order by ' . $_GET['t']);\n",
        ),
    ],
)
def test_what_was_tested_is_harmless_when_it_is_read_again(file, text):
    wanted = text.split("\n").index(next(line for line in text.split("\n") if "t'" in line or ".t)" in line)) + 1

    assert {line for _, line, rule in found(**{file: text}) if rule.endswith("sql-injection")} == {wanted}


def test_the_work_of_one_file_is_not_counted_for_the_next():
    # Files without functions, as pages in PHP: together more work than one function may take.
    text = "<?php\n" + '$a = trim($_GET["a"]) . "b";\n' * 60 + "system($a);\n"
    files = [SourceFile(name=f"{number}.php", text=text) for number in range(60)]

    done = flow.scan(files, LOG)

    assert (done.spent, len(done.found)) == (frozenset(), 60)


BROKEN = {
    "a.cs": "class A { void F(object x) { if (x is List<int>) {} if (x is B b) {} } }",
    "b.cs": "class A { void F(object x) { if (x is ) { } = => } } is switch { => }",
    "a.java": "class A { void f( { if ( instanceof ) { for (;;) = ; } switch { case -> } }",
    "a.js": "function f( { if () => { a = ; } } class { constructor( } `${`",
    "a.go": "package a\nfunc ( { if := { switch { case } } for range { } }",
    "a.rb": "def f(\n if\n case when then => \n end do |",
    "a.php": "<?php function f( { if () { $a = ; } match { => } foreach ( as ) }",
    "a.py": "def f(:\n  if = \n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_is_not_read_ends_no_scan_and_is_told(name):
    language = name.rpartition(".")[2]
    files, (file, line, rule) = next(
        (dict(files), wanted) for files, wanted in OVER_FILES.values() if wanted[0].endswith("." + language)
    )
    given = [SourceFile(name=one, text=text) for one, text in files.items()]
    broken = SourceFile(name=name, text=BROKEN[name])

    done = flow.scan([*given, broken], LOG)

    assert (file, line, rule) in {(one.file, one.line, one.rule) for one in done.found}


@pytest.mark.parametrize("fault", [AttributeError, TypeError, ValueError, LookupError, RecursionError])
def test_a_fault_of_a_reader_leaves_out_one_file(monkeypatch, fault):
    module = csharp_reader.CSharpReader.module

    def read(self, node):
        if self.file == "bad.cs":
            raise fault
        return module(self, node)

    monkeypatch.setattr(csharp_reader.CSharpReader, "module", read)
    files, wanted = OVER_FILES["csharp"]

    done = flow.scan(
        [SourceFile(name=name, text=text) for name, text in {**files, "bad.cs": files["A.cs"]}.items()], LOG
    )

    assert wanted in {(one.file, one.line, one.rule) for one in done.found}
    assert done.spent == {"bad.cs"}


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        (
            {
                "A.cs": "public class Login : Page {\n  private IStore store = Settings.Store;\n"
                '  void Go(object s, EventArgs e) { store.FindByName(Request.Form["n"]); }\n}\n',
                "I.cs": "public interface IStore { DataSet FindByName(string name); }\n",
                "B.cs": "public class OneStore : IStore {\n  public DataSet FindByName(string name) {\n"
                '    return Read(new MySqlDataAdapter("select \'" + name + "\'", con)); } }\n',
                "C.cs": "public class OtherStore : IStore {\n  public DataSet FindByName(string name) {\n"
                '    return Read(new SqliteDataAdapter("select \'" + name + "\'", con)); } }\n',
                "D.cs": "public class NoStore : IStore {\n  public DataSet FindByName(string name) { return null; } }\n",
            },
            {("B.cs", 3, "cs/sql-injection"), ("C.cs", 3, "cs/sql-injection")},
        ),
        (
            {
                "A.java": "class A extends HttpServlet { private Store store;\n"
                ' void doGet(HttpServletRequest request, R response) { store.findByName(request.getParameter("a")); } }\n',
                "Store.java": "interface Store {\n void findByName(String name);\n}\n",
                "B.java": "class B implements Store {\n public void findByName(String name) {\n"
                ' statement.executeQuery("select " + name); } }\n',
                "C.java": "class C implements Store {\n public void findByName(String name) {\n"
                ' statement.executeQuery("select " + clean(name)); } }\n',
            },
            {("B.java", 3, "java/sql-injection"), ("C.java", 3, "java/sql-injection")},
        ),
    ],
)
def test_each_class_that_does_what_an_interface_declares_is_followed(files, wanted):
    done = flow.scan([SourceFile(name=name, text=text) for name, text in files.items()], LOG)

    assert {(one.file, one.line, one.rule) for one in done.found} == wanted

"""The compliance checker on repositories of many stacks: small trees with one control's right state each."""

from __future__ import annotations

import base64
import csv
import io
import itertools
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from agents.builtin.compliance_checker import agent

KEY = (
    "-----BEGIN PRIVATE KEY-----\n"
    + base64.b64encode(bytes(range(200))).decode()
    + "\n-----END PRIVATE KEY-----\n"
)
SOURCE = {"app.py": "x = 1\n"}
RULESET = {
    "target": "branch",
    "enforcement": "active",
    "conditions": {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}},
    "rules": [{"type": "pull_request", "parameters": {"required_approving_review_count": 1}}],
}
PROBOT = "branches:\n  - name: main\n    protection:\n      required_pull_request_reviews:\n"
PROTECTION = 'resource "github_branch_protection" "main" {\n  pattern = "main"\n'
CFN = "Resources:\n  Db:\n    Type: AWS::RDS::DBInstance\n    Properties:\n"
CFN_JSON = {"Resources": {"V": {"Type": "AWS::EC2::Volume", "Properties": {"Size": 8, "Encrypted": True}}}}
STORAGE_CLASS = "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nprovisioner: ebs.csi.aws.com\nparameters:\n"
AT_REST = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n  - providers:\n"
BOMB = "kind: Policy\napiVersion: audit.k8s.io/v1\na: &a [x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in itertools.pairwise("abcdefghijkl")
)
AUDIT = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n"


def rds(line: str) -> dict[str, str]:
    return {"db.tf": f'resource "aws_db_instance" "a" {{\n  engine = "postgres"\n{line}}}\n'}


def balancer(line: str) -> dict[str, str]:
    return {"lb.tf": f'resource "aws_lb" "a" {{\n  name = "x"\n{line}}}\n'}


CASES: list[tuple[str, str, dict[str, str]]] = [
    # Branches: only settings that are kept as code are evidence.
    ("protected-branch", "not-assessed", SOURCE),
    (
        "protected-branch",
        "pass",
        {".github/settings.yml": PROBOT + "        required_approving_review_count: 1\n"},
    ),
    (
        "protected-branch",
        "fail",
        {".github/settings.yml": PROBOT + "        required_approving_review_count: 0\n"},
    ),
    ("protected-branch", "fail", {".github/settings.yml": "branches:\n  - name: main\n    protection: null\n"}),
    ("protected-branch", "not-assessed", {".github/settings.yml": "labels:\n  - name: bug\n"}),
    ("protected-branch", "pass", {".github/rulesets/main.json": json.dumps(RULESET)}),
    (
        "protected-branch",
        "fail",
        {".github/rulesets/main.json": json.dumps({**RULESET, "enforcement": "disabled"})},
    ),
    (
        "protected-branch",
        "fail",
        {".github/rulesets/a.json": json.dumps({**RULESET, "rules": []})},
    ),
    *(
        (
            "protected-branch",
            state,
            {".github/rulesets/a.json": json.dumps({**RULESET, "conditions": {"ref_name": names}})},
        )
        for state, names in (
            ("not-assessed", {"include": ["refs/heads/dev/*"], "exclude": []}),
            ("not-assessed", {"include": ["~ALL"], "exclude": ["refs/heads/main"]}),
            ("not-assessed", {"include": [], "exclude": []}),
            ("pass", {"include": ["refs/heads/**/*"], "exclude": ["refs/heads/dev/*"]}),
        )
    ),
    ("code-owners", "fail", {"codeowners": "* @org/team\n", "a.py": "x = 1\n"}),
    ("repository-secrets", "not-assessed", {"docs/a.md": "text\n", "tests/a.py": "x = 1\n"}),
    (
        "licence",
        "pass",
        {"a/package.json": '{"license": "MIT"}', "b/package.json": "{}", "b/LICENSE": "MIT\n", "a/a.js": "f()\n"},
    ),
    ("licence", "fail", {"a/package.json": '{"license": "MIT"}', "b/package.json": "{}", "a/a.js": "f()\n"}),
    # A record that writes of descriptions and emailing names neither `ssn` nor a field within a longer word.
    (
        "personal-data-inventory",
        "fail",
        {"a.sql": "create table p (\n  ssn text\n);\n", "PRIVACY.md": "Class names.\n"},
    ),
    (
        "personal-data-inventory",
        "pass",
        {
            "a.sql": "create table p (\n  date_of_birth date\n);\n",
            "PRIVACY.md": "Names, dates of birth; dateOfBirth.\n",
        },
    ),
    (
        "protected-branch",
        "pass",
        {
            "repo.tf": PROTECTION
            + "  required_pull_request_reviews {\n    required_approving_review_count = 2\n  }\n}\n"
        },
    ),
    ("protected-branch", "fail", {"repo.tf": PROTECTION + "  enforce_admins = true\n}\n"}),
    ("protected-branch", "not-assessed", {".github/settings.yml": "branches: [\n"}),
    # Owners.
    ("code-owners", "fail", {**SOURCE, "CODEOWNERS": "/docs/ @writers\n"}),
    ("code-owners", "fail", {**SOURCE, "CODEOWNERS": "*\n"}),
    ("code-owners", "fail", {**SOURCE, "src/CODEOWNERS": "* @team\n"}),
    ("code-owners", "pass", {**SOURCE, ".github/CODEOWNERS": "# who\n*.py @team\n"}),
    ("code-owners", "pass", {"src/a/b.go": "package a\n", "CODEOWNERS": "/src/ dev@example.org # us\n"}),
    ("code-owners", "fail", {"src/a.go": "package a\n", "lib/b.go": "package b\n", "CODEOWNERS": "/src/ @team\n"}),
    ("code-owners", "pass", {"src/a.go": "package a\n", ".gitlab/CODEOWNERS": "[Back end] @team\nsrc/**/*.go\n"}),
    ("code-owners", "fail", {**SOURCE, "CODEOWNERS": "* @team\n/app.py\n"}),
    # Secrets.
    ("repository-secrets", "fail", {"id_rsa": KEY}),
    ("repository-secrets", "pass", {"keys.py": 'is_key = text.startswith("-----BEGIN PRIVATE KEY-----")\n'}),
    ("repository-secrets", "not-assessed", {"tests/fixtures/server.pem": KEY}),
    ("repository-secrets", "fail", {"config/prod.yaml": "db:\n  password: vK9tR2xLq8Zs\n"}),
    ("repository-secrets", "pass", {"config/prod.yaml": "db:\n  password: ${DB_PASSWORD}\n"}),
    ("repository-secrets", "fail", {"settings.py": 'DB_PASSWORD = "vK9tR2xLq8Zs"\n'}),
    ("repository-secrets", "pass", {"settings.py": 'import os\nDB_PASSWORD = os.environ["DB_PASSWORD"]\n'}),
    ("repository-secrets", "fail", {"Config.java": 'class C { String apiKey = "vK9tR2xLq8ZsPp41"; }\n'}),
    (
        "repository-secrets",
        "pass",
        {"i18n.js": 'export default { password: "Password", token: "Token field" };\n'},
    ),
    ("repository-secrets", "fail", {"db.env": "POSTGRES_PASSWORD=vK9tR2xLq8Zs\n"}),
    ("repository-secrets", "fail", {"wp-config.php": "<?php define('DB_PASSWORD', 'vK9tR2xLq8Zs');\n"}),
    ("repository-secrets", "fail", {"main.tfvars": 'db_password = "vK9tR2xLq8Zs"\n'}),
    # Pins.
    ("pinned-dependencies", "fail", {"requirements/base.txt": "flask\n"}),
    ("pinned-dependencies", "pass", {"requirements/base.txt": "flask==3.1.0\n"}),
    ("pinned-dependencies", "fail", {"Pipfile": '[packages]\nflask = "*"\n'}),
    ("pinned-dependencies", "pass", {"Pipfile": '[packages]\nflask = "*"\n', "Pipfile.lock": "{}\n"}),
    ("pinned-dependencies", "fail", {"build.gradle": "dependencies { implementation 'a.b:c:1.+' }\n"}),
    ("pinned-dependencies", "pass", {"build.gradle": "dependencies { implementation 'a.b:c:1.2.3' }\n"}),
    ("pinned-dependencies", "fail", {"pom.xml": "<dependency><version>[1.0,2.0)</version></dependency>\n"}),
    ("pinned-dependencies", "pass", {"pom.xml": "<dependency><version>1.2.3</version></dependency>\n"}),
    ("pinned-dependencies", "fail", {"compose.yaml": "services:\n  db:\n    image: postgres:latest\n"}),
    ("pinned-dependencies", "fail", {"a.csproj": '<PackageReference Include="X" Version="1.*" />\n'}),
    ("pinned-dependencies", "pass", {"a.csproj": '<PackageReference Include="X" Version="1.2.3" />\n'}),
    ("pinned-dependencies", "fail", {"main.tf": 'module "a" {\n  source = "git::https://x.example/m.git"\n}\n'}),
    # Licences.
    ("licence", "fail", {**SOURCE, "LICENSE": "\n"}),
    ("licence", "pass", {**SOURCE, "LICENSES/MIT.txt": "MIT License\n"}),
    ("licence", "pass", {**SOURCE, "pom.xml": "<licenses><license><name>MIT</name></license></licenses>\n"}),
    ("licence", "pass", {"a.rb": "x = 1\n", "a.gemspec": "Gem::Specification.new { |s| s.license = 'MIT' }\n"}),
    ("licence", "pass", {**SOURCE, "pyproject.toml": '[project]\nlicense = "MIT"\n'}),
    ("licence", "fail", {**SOURCE, "pyproject.toml": '[project]\nname = "x"\n'}),
    ("licence", "fail", {**SOURCE, "pyproject.toml": '[tool.x]\nlicense = ""\n'}),
    ("licence", "pass", {"a.php": "<?php\n", "composer.json": '{"license": "MIT"}'}),
    # Encryption.
    ("encrypted-storage", "pass", rds("  storage_encrypted = true\n")),
    ("encrypted-storage", "fail", rds("")),
    ("encrypted-storage", "fail", rds("  storage_encrypted   = false # later\n")),
    ("encrypted-storage", "not-assessed", rds("  storage_encrypted = var.encrypted\n")),
    ("encrypted-storage", "fail", rds("  storage_encrypted = true\n  publicly_accessible = true\n")),
    ("encrypted-storage", "fail", rds("  # storage_encrypted = true\n")),
    ("encrypted-storage", "not-assessed", {"iam.tf": 'resource "aws_iam_role" "a" {\n  name = "x"\n}\n'}),
    ("encrypted-storage", "pass", {"cfn.yaml": CFN + "      StorageEncrypted: true\n"}),
    ("encrypted-storage", "fail", {"cfn.yml": CFN + "      Engine: postgres\n"}),
    ("encrypted-storage", "pass", {"cfn.json": json.dumps(CFN_JSON, indent="\t")}),
    ("encrypted-storage", "fail", {"cfn.json": json.dumps(CFN_JSON).replace("true", "false")}),
    ("encrypted-storage", "not-assessed", {"cfn.yaml": CFN + "      StorageEncrypted: !Ref Encrypted\n"}),
    ("encrypted-storage", "fail", {"k8s/sc.yaml": STORAGE_CLASS + "  type: gp3\n"}),
    ("encrypted-storage", "pass", {"k8s/sc.yaml": STORAGE_CLASS + '  encrypted: "true"\n'}),
    ("encrypted-storage", "fail", {"enc.yaml": AT_REST + "      - identity: {}\n      - aescbc: {keys: []}\n"}),
    ("encrypted-storage", "pass", {"enc.yaml": AT_REST + "      - aescbc: {keys: []}\n      - identity: {}\n"}),
    (
        "encrypted-storage",
        "fail",
        {"s3.tf": 'resource "aws_s3_bucket_acl" "a" {\n  acl = "public-read-write"\n}\n'},
    ),
    ("encrypted-storage", "pass", {"s3.tf": 'resource "aws_s3_bucket" "a" {\n  bucket = "x"\n}\n'}),
    # Logging.
    ("infrastructure-logs", "pass", {"t.tf": 'resource "aws_cloudtrail" "a" {\n  name = "x"\n}\n'}),
    ("infrastructure-logs", "fail", {"t.tf": 'resource "aws_cloudtrail" "a" {\n  enable_logging = false\n}\n'}),
    ("infrastructure-logs", "fail", balancer("")),
    ("infrastructure-logs", "pass", balancer('  access_logs {\n    bucket = "b"\n    enabled = true\n  }\n')),
    ("infrastructure-logs", "fail", balancer('  access_logs {\n    bucket = "b"\n    enabled = false\n  }\n')),
    ("infrastructure-logs", "fail", {"e.tf": 'resource "aws_eks_cluster" "a" {\n  name = "x"\n}\n'}),
    (
        "infrastructure-logs",
        "pass",
        {"e.tf": 'resource "aws_eks_cluster" "a" {\n  enabled_cluster_log_types = ["audit", "api"]\n}\n'},
    ),
    ("infrastructure-logs", "fail", {"a.yaml": AUDIT + "  - level: None\n"}),
    ("infrastructure-logs", "pass", {"a.yaml": AUDIT + "  - level: None\n    users: [x]\n  - level: Metadata\n"}),
    ("infrastructure-logs", "not-assessed", rds("  storage_encrypted = true\n")),
    ("infrastructure-logs", "fail", {"v.tf": 'resource "aws_vpc" "a" {\n  cidr_block = "10.0.0.0/16"\n}\n'}),
    (
        "infrastructure-logs",
        "pass",
        {"v.tf": 'resource "aws_vpc" "a" {\n}\n', "f.tf": 'resource "aws_flow_log" "a" {\n}\n'},
    ),
    # Personal data in logs.
    ("personal-data-in-logs", "fail", {"a.rb": 'Rails.logger.info "sign-in of #{user.email}"\n'}),
    ("personal-data-in-logs", "pass", {"a.rb": 'Rails.logger.info "sign-in of #{user.id}, no email"\n'}),
    ("personal-data-in-logs", "fail", {"a.cs": '_logger.LogInformation("new {Email}", user.Email);\n'}),
    ("personal-data-in-logs", "pass", {"a.cs": '_logger.LogInformation("new {Id}", user.Id);\n'}),
    ("personal-data-in-logs", "fail", {"a.php": "<?php Log::info('new', ['email' => $user->email]);\n"}),
    (
        "personal-data-in-logs",
        "fail",
        {"a.php": "<?php $this->logger->warning('x ' . $patient->date_of_birth);\n"},
    ),
    ("personal-data-in-logs", "fail", {"a.go": 'slog.Info("new", "mail", user.Email)\n'}),
    ("personal-data-in-logs", "fail", {"a.go": 'logger.Info("new", zap.String("phone", u.PhoneNumber))\n'}),
    ("personal-data-in-logs", "pass", {"a.go": 'slog.Info("email sent", "id", user.ID)\n'}),
    ("personal-data-in-logs", "fail", {"a.rs": 'info!("new {}", user.email);\n'}),
    ("personal-data-in-logs", "fail", {"a.kt": 'logger.info("new ${user.email}")\n'}),
    ("personal-data-in-logs", "fail", {"a.ts": "this.logger.log(`new ${dto.userEmail}`);\n"}),
    ("personal-data-in-logs", "fail", {"a.js": "winston.info('new', {\n  email: user.email,\n});\n"}),
    ("personal-data-in-logs", "pass", {"a.js": "console.log('mailed', hash(user.email));\n"}),
    ("personal-data-in-logs", "pass", {"a.py": 'log.info("mail %s", mask(user.email))\n'}),
    ("personal-data-in-logs", "pass", {"a.py": 'log.info("email %s", user.email_verified)\n'}),
    ("personal-data-in-logs", "pass", {"a.py": '# log.info(user.email)\nlog.info("x")\n'}),
    ("personal-data-in-logs", "fail", {"a.java": 'LOGGER.debug("ssn " + patient.getSsn());\n'}),
    ("personal-data-in-logs", "pass", {"a.java": 'log.info("sent email to {}", account.getId());\n'}),
    ("personal-data-in-logs", "not-assessed", {"a.py": "def f(user): return user.email\n"}),
    # Stored personal data.
    ("personal-data-inventory", "fail", {"db/schema.rb": 't.string "email", null: false\n'}),
    ("personal-data-inventory", "fail", {"db/migrate/1.rb": "add_column :users, :phone_number, :string\n"}),
    ("personal-data-inventory", "fail", {"schema.prisma": "model U {\n  email String @unique\n}\n"}),
    (
        "personal-data-inventory",
        "fail",
        {"models.py": "class U(models.Model):\n    email = models.EmailField()\n"},
    ),
    ("personal-data-inventory", "fail", {"U.java": "@Entity class U {\n  private String email;\n}\n"}),
    ("personal-data-inventory", "fail", {"u.go": 'type U struct {\n\tEmail string `db:"email"`\n}\n'}),
    (
        "personal-data-inventory",
        "fail",
        {"U.cs": '[Table("u")] public class U {\n  public string Email { get; set; }\n}\n'},
    ),
    ("personal-data-inventory", "fail", {"m.php": "<?php $table->string('email')->unique();\n"}),
    ("personal-data-inventory", "fail", {"u.ts": "@Entity() class U {\n  @Column()\n  email: string;\n}\n"}),
    ("personal-data-inventory", "fail", {"a.sql": "CREATE TABLE u (id int, `e_mail` varchar(80), x int);\n"}),
    ("personal-data-inventory", "fail", {"m.js": "const U = new Schema({\n  email: { type: String },\n});\n"}),
    ("personal-data-inventory", "fail", {"schema.prisma": "model U {\n  email String\n}\n", "PRIVACY.md": "\n"}),
    (
        "personal-data-inventory",
        "fail",
        {"schema.prisma": "model U {\n  email String\n  iban String\n}\n", "PRIVACY.md": "email: 30 days\n"},
    ),
    (
        "personal-data-inventory",
        "pass",
        {
            "schema.prisma": "model U {\n  email String\n  phoneNumber String\n}\n",
            "docs/privacy.md": "E-mail and phone number: 1 year\n",
        },
    ),
    ("personal-data-inventory", "not-assessed", {"schema.prisma": "model U {\n  id Int\n}\n"}),
    ("personal-data-inventory", "not-assessed", {"f.py": "def send(email: str) -> None: ...\n"}),
    ("personal-data-inventory", "not-assessed", {"tests/models.py": "class U(Base):\n    email: Mapped[str]\n"}),
]


def audited(folder: Path, context: Any, **more: Any) -> dict[str, Any]:
    inputs = {"projectId": 1, "standards": ["SOC2", "GDPR", "HIPAA"], "repositoryPath": str(folder), **more}
    return agent.execute("auditProject", inputs, context)


def one(output: dict[str, Any], rule: str) -> dict[str, Any]:
    return next(each for each in output["controls"] if each["rule"] == rule)


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.mark.parametrize(("rule", "state", "files"), CASES)
def test_the_state_of_a_control(tmp_path, context, rule, state, files):
    folder = tmp_path / "repository"
    folder.mkdir()
    write(folder, files)

    found = one(audited(folder, context), rule)

    assert (found["state"], bool(found["places"])) == (state, state == "fail"), found["places"]


def test_hostile_repositories_are_read_within_bounds(tmp_path, context):
    folder = tmp_path / "repository"
    folder.mkdir()
    write(
        folder,
        {
            "bomb.yaml": BOMB,
            ".github/settings.yml": BOMB,
            "deep.yaml": "[" * 200_000,
            "deep.json": "[" * 200_000,
            "deep.tf": 'resource "aws_lb" "a" {\n' * 20_000,
            "strings.tf": 'resource "aws_lb" "a" {\n' + 'x = "${"' * 50_000,
            "line.py": "log.info(" + "'\"" * 200_000,
            "line.js": "console.log(" + "email " * 60_000,
            "open.py": "log.info(\n" * 20_000,
            "requirements.txt": "a" + " @ a" * 100_000 + "\n",
            "CODEOWNERS": "*" * 3000 + "/**/" * 300 + "x @a\n",
            "latin.py": "x = 1\n",
        },
    )
    (folder / "latin.py").write_bytes("logger.info('é')\n".encode("latin-1"))
    (folder / "huge.sql").write_bytes(b"email VARCHAR\n" * 100_000)
    os.mkfifo(folder / "pipe.py")
    (folder / "loop").symlink_to(folder)
    (folder / "CODEOWNERS.link").symlink_to("/etc/passwd")
    before = time.process_time()

    output = audited(folder, context)

    assert time.process_time() - before < 20
    assert output["status"] in ("not-compliant", "incomplete")
    assert any("huge.sql" in each for each in output["missingEvidence"])


def test_names_of_others_are_inert_in_every_export(tmp_path, context):
    folder = tmp_path / "repository"
    folder.mkdir()
    hostile = "=x\n[a](javascript:1)<b>\u202e\x1b.py"
    write(folder, {hostile: "logger.info(user.email)\n", "b.py": "x = 1\n", "CODEOWNERS": "b.py @a\n"})

    audited(folder, context, sarif=True, csv=True, oscal=True)

    for saved in context.saved:
        text = (context.artifacts_folder / saved.file).read_text("utf-8-sig")
        assert not {"\u202e", "\x1b"} & {*text}
        if saved.name == "controls.csv":
            cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
            assert r"'=x\n[a](javascript:1)<b>\u202e\x1b.py:1" in cells
            assert not any("\n" in cell for cell in cells)
        else:
            assert not [part for part in ("[a](", "<b>") if part in text]


def test_findings_are_handed_on_as_sarif(tmp_path, context):
    folder = tmp_path / "repository"
    folder.mkdir()
    write(folder, rds(""))

    output = audited(folder, context, sarif=True)

    saved = next(each for each in context.saved if each.name == "compliance.sarif")
    run = json.loads((context.artifacts_folder / saved.file).read_bytes())["runs"][0]
    assert output["sarif"]
    broken = [(each["rule"], place) for each in output["controls"] for place in each["places"]]
    assert [each["ruleId"] for each in run["results"]] == [rule for rule, _ in broken]
    place = next(each for each in run["results"] if each["ruleId"] == "encrypted-storage")["locations"][0]
    assert place["physicalLocation"] == {"artifactLocation": {"uri": "db.tf"}, "region": {"startLine": 1}}
    told = {each["descriptor"]["id"] for each in run["invocations"][0]["toolConfigurationNotifications"]}
    assert told == {each["rule"] for each in output["controls"] if each["state"] == "not-assessed"}

// A Prisma client of the mission's schema at work on the database in DATABASE_URL: `node client.mjs write` makes a
// row in every table, `node client.mjs read` prints every table, joined over its relations.
import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient } from '@prisma/client'

const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: process.env.DATABASE_URL }) })

async function write() {
  const agent = await prisma.agent.create({
    data: {
      projectId: 7,
      name: 'from-prisma',
      type: 'LLM',
      entryPath: 'agents.prisma',
      version: '3.0.0',
      riskLevel: 'APPROVAL_REQUIRED',
      capabilities: {
        create: { name: 'work', inputSchema: { type: 'object' }, outputSchema: { type: 'array' } },
      },
    },
  })
  const workflow = await prisma.workflow.create({
    data: {
      projectId: 7,
      name: 'prisma-flow',
      trigger: { event: 'graph.file.updated', filters: { branch: 'main' } },
      status: 'ACTIVE',
      nodes: { create: { agentId: agent.id, action: 'work', inputsJson: { a: 1 }, dependsOn: ['x', 'y'] } },
    },
    include: { nodes: true },
  })
  const run = await prisma.workflowRun.create({
    data: {
      workflowId: workflow.id,
      trigger: 'workflow.trigger.prisma-flow',
      contextJson: { path: 'ü.ts' },
      status: 'WAITING_APPROVAL',
      approvals: { create: { nodeId: workflow.nodes[0].id, status: 'PENDING' } },
      agentRuns: { create: { agentId: agent.id, inputJson: { a: 1 }, status: 'RUNNING' } },
    },
    include: { approvals: true, agentRuns: true },
  })
  await prisma.agentRun.update({
    where: { id: run.agentRuns[0].id },
    data: { outputJson: [1, 2], status: 'SUCCESS', finishedAt: new Date(), durationMs: 5 },
  })
  await prisma.agent.update({ where: { projectId_name: { projectId: 7, name: 'from-prisma' } }, data: { version: '3.0.1' } })
  return { workflowId: workflow.id, nodeId: workflow.nodes[0].id, runId: run.id, approvalId: run.approvals[0].id }
}

async function read() {
  return prisma.workflow.findMany({
    orderBy: { projectId: 'asc' },
    include: {
      nodes: { include: { agent: { include: { capabilities: true } } } },
      runs: {
        include: {
          approvals: { orderBy: { requestedAt: 'asc' } },
          agentRuns: { include: { agent: true }, orderBy: { startedAt: 'asc' } },
        },
      },
    },
  })
}

// What the mission's own engine asks for.
async function find() {
  const workflows = await prisma.workflow.findMany({
    where: { projectId: 1, status: 'ACTIVE', trigger: { path: ['event'], equals: 'graph.file.updated' } },
  })
  const pending = await prisma.workflowApproval.findMany({ where: { status: 'PENDING' }, include: { workflowRun: true } })
  return { workflows: workflows.map(({ name }) => name), pending: pending.map(({ workflowRun }) => workflowRun.id) }
}

// Cascades as in the schema: a run leaves its agent runs behind, an agent with runs stays, nodes go with the workflow.
async function remove() {
  const mine = { workflowRun: { workflow: { projectId: 7 } } }
  const { id, agentId, workflowRunId } = await prisma.agentRun.findFirstOrThrow({ where: mine })
  await prisma.workflowApproval.deleteMany({ where: mine })
  await prisma.workflowRun.delete({ where: { id: workflowRunId } })
  const left = await prisma.agentRun.findUniqueOrThrow({ where: { id } })
  const refused = await prisma.agent.delete({ where: { id: agentId } }).then(
    () => null,
    ({ code }) => code,
  )
  await prisma.workflow.deleteMany({ where: { projectId: 7 } })
  const nodes = await prisma.workflowNode.count({ where: { agentId } })
  return { workflowRunId: left.workflowRunId, refused, nodes }
}

console.log(JSON.stringify(await { write, read, find, remove }[process.argv[2]]()))
await prisma.$disconnect()

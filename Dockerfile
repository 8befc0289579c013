# The server with its tools: virtool api, virtool worker control, virtool worker tools.
FROM node:20-bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends bowtie2 skewer spades hmmer pigz isal procps \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev
ENTRYPOINT ["node", "dist/main.js"]

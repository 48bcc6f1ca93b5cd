/* Node's acme-client: issue, renew, revoke.
   order.cjs URL ZONE NAME CHALLENGE PORT [KEY-ID KEY]: ZONE is the folder of TXT records.
   Writes first.pem and second.pem, revokes the second. Loopback only. */
"use strict";
const fs = require("node:fs");
const http = require("node:http");
const tls = require("node:tls");
const acme = require("acme-client");

const [url, zone, name, kind, port, kid, hmacKey] = process.argv.slice(2);
const listening = (server) => new Promise((done) => server.listen(Number(port), "127.0.0.1", done));
const provisions = {
    "http-01": async (challenge, authorization) => {
        const page = `/.well-known/acme-challenge/${challenge.token}`;
        const server = http.createServer((request, answer) => {
            answer.end(request.url === page ? authorization : "another page");
        });
        await listening(server);
        return () => server.close();
    },
    "tls-alpn-01": async (challenge, authorization, proof) => {
        const [key, cert] = await acme.crypto.createAlpnCertificate(proof, authorization);
        const server = tls.createServer({ key, cert, ALPNProtocols: ["acme-tls/1"] });
        await listening(server);
        return () => server.close();
    },
    "dns-01": async (challenge, authorization, proof) => {
        const file = `${zone}/_acme-challenge.${proof.identifier.value}`;
        fs.writeFileSync(file, authorization);
        return () => fs.unlinkSync(file);
    },
};

(async () => {
    const client = new acme.Client({
        directoryUrl: url,
        accountKey: await acme.crypto.createPrivateEcdsaKey(),
        backoffMin: 100,
        externalAccountBinding: kid ? { kid, hmacKey } : {},
    });
    let certificate;
    for (const file of ["first.pem", "second.pem"]) {
        const [, csr] = await acme.crypto.createCsr({ commonName: name });
        let undo;
        certificate = await client.auto({
            csr,
            email: "anna@home.example",
            termsOfServiceAgreed: true,
            challengePriority: [kind],
            skipChallengeVerification: true,
            challengeCreateFn: async (proof, challenge, authorization) => {
                undo = await provisions[kind](challenge, authorization, proof);
            },
            challengeRemoveFn: async () => undo(),
        });
        fs.writeFileSync(file, certificate);
    }
    await client.revokeCertificate(certificate, { reason: 4 });
})().catch((error) => {
    console.error(error);
    process.exit(1);
});

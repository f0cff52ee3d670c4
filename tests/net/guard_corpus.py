"""Spellings of addresses, names and URLs that a guard has to see through."""


def _spellings(text: str) -> list[str]:
    return text.split()


REFUSED_ADDRESSES = _spellings("""
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1
127.1.2.3 127.255.255.254 168.63.129.16 169.254.0.1 169.254.169.254 169.254.170.2 172.16.0.1
172.31.255.255 192.0.0.8 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 192.168.255.255 198.18.0.1
198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255
:: ::1 ::2 ::127.0.0.1 ::10.0.0.1 ::8.8.8.8 ::ffff:0.0.0.0 ::ffff:10.0.0.1 ::ffff:127.0.0.1
::ffff:169.254.169.254 ::ffff:7f00:1 ::ffff:192.168.1.1 0:0:0:0:0:ffff:a9fe:a9fe
64:ff9b::7f00:1 64:ff9b::10.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b::8.8.8.8 64:ff9b:1::1
64:ff9b:1:ffff::10.0.0.1 100::1 100:0:0:1::1 2001::1 2001:0:7f00:1::1
2001:0:53aa:64c:0:0:f5ff:fffe 2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1::
2002:a00:1::1 2002:a9fe:a9fe:: 2002:808:808::1 3fff::1 3fff:fff:ffff::1 5f00::1 fc00::1 fd00::1
fd00:ec2::254 fd12:3456:789a::1 fe80::1 fe80::1%eth0 febf::1 fec0::1 ff02::1 ff0e::1 4000::1 8000::1
200::1 2606:4700::1%2
""")

ALLOWED_ADDRESSES = _spellings("""
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.1 93.184.216.34 100.63.255.255 100.128.0.1 126.255.255.255
128.0.0.1 168.63.129.15 169.253.255.255 172.15.255.255 172.32.0.1 192.0.1.1 192.167.255.255
192.169.0.1 198.17.255.255 198.20.0.1 223.255.255.255 2606:4700:4700::1111 2a00:1450:4001::200e
2400:cb00::1 ::ffff:8.8.8.8
""")

REFUSED_URLS = _spellings("""
http://example.com/ ftp://example.com/ file:///etc/passwd gopher://example.com/ javascript:alert(1)
//example.com/ example.com https:example.com https:/example.com https:///example.com https://
https://127.0.0.1/ https://127.0.0.1:8443/ https://127.1/ https://127.0.1/ https://2130706433/
https://017700000001/ https://0177.0.0.1/ https://0x7f000001/ https://0x7f.1/ https://0x7f.0.0.1/
https://0X7F.0x0.0X0.0x1/ https://0/ https://0x/ https://00000000000000000127.0.0.1/ https://127.0.0.1./
https://3232235521/ https://0xa9fea9fe/ https://2852039166/ https://0251.0376.0251.0376/
https://169.254.169.254/latest/meta-data/ https://169.254.43518/ https://[::1]/ https://[::]/
https://[::ffff:127.0.0.1]/ https://[::ffff:7f00:1]/ https://[::ffff:a9fe:a9fe]/ https://[::127.0.0.1]/
https://[0:0:0:0:0:0:0:1]/ https://[64:ff9b::7f00:1]/ https://[64:ff9b:1::a00:1]/ https://[2002:7f00:1::]/
https://[2001:0:53aa:64c:0:0:f5ff:fffe]/ https://[fe80::1]/ https://[fe80::1%25eth0]/
https://[fe80::1%eth0]/ https://[fd00:ec2::254]/ https://[fc00::1]/ https://[5f00::1]/
https://[3fff::1]/ https://[v1.fe]/ https://[::1/ https://100.64.0.1/ https://100.100.100.200/
https://192.0.0.192/ https://168.63.129.16/ https://255.255.255.255/ https://0.0.0.0/
https://localhost/ https://LOCALHOST/ https://localhost./ https://a.localhost/ https://localhost.localdomain/
https://metadata/ https://metadata.google.internal/computeMetadata/v1/ https://METADATA.google.INTERNAL./
https://instance-data.ec2.internal/ https://printer.local/ https://router.lan/ https://nas.home.arpa/
https://intranet/ https://db.corp/ https://kubernetes.default.svc.cluster.local/
https://user@example.com/ https://user:pass@example.com/ https://@example.com/ https://:@example.com/
https://example.com@127.0.0.1/ https://example.com%40127.0.0.1/ https://example.com:443@10.0.0.1/
https://example.com\\@10.0.0.1/ https://10.0.0.1\\@example.com/ https://10.0.0.1\\.example.com/
https://example.com:22/ https://example.com:80/ https://example.com:0/ https://example.com:8080/
https://example.com:65536/ https://example.com:-1/ https://example.com:99999/ https://example.com:https/
https://a..b/ https://.example.com/ https://example.com../ https://-a.example/ https://a-.example/
https://exa%6dple.com/ https://127.0.0.1%2f.example.com/ https://127.0.0.1%00.example.com/
https://1.2.3.4.5/ https://1.2.3.256/ https://example.0x7f/ https://example.1/
https://①②⑦.⓪.⓪.①/ https://127。0。0。1/ https://⓵②⑦.1/ https://ⓛocalhost/ https://xn--/
https://ｌｏｃａｌｈｏｓｔ/ https://[::ⓕⓕⓕⓕ:127.0.0.1]/
""")

# What a resolver is asked for; the system's own turns each into an address inside.
REFUSED_NAMES = _spellings("""
127.0.0.1 127.1 127.0.1 0 0.0.0.0 2130706433 017700000001 0177.0.0.1 0x7f000001
0x7f.1 0x7F.0.0.0x1 10.1 0xa.1 012.1 167772161 0xa9fea9fe 2852039166 0251.0376.0251.0376
169.254.43518 192.168.257 3232235777 ::1 :: ::ffff:127.0.0.1 ::ffff:7f00:1 64:ff9b::7f00:1
2002:7f00:1:: 2001:0:53aa:64c:0:0:f5ff:fffe fe80::1%1 fd00:ec2::254 ①②⑦.0.0.1
１２７.1 localhost
""")

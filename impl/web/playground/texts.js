// The texts of the playground in Indonesian. A browser that prefers Indonesian gets them, every
// other one the English texts of index.html and of the scripts.
export const indonesian = {
  'Skip to the playground': 'Langsung ke playground',
  'Refresh token service': 'Layanan refresh token',
  Documentation: 'Dokumentasi',
  Manual: 'Panduan',
  Pages: 'Halaman',
  Playground: 'Playground',
  'See how a front end uses an access token and a refresh token. In the playground the server also acts as the login service, and no login needs a password. The page uses':
    'Lihat bagaimana front end memakai access token dan refresh token. Di playground ini server juga menjadi layanan login, dan login tidak memerlukan password. Halaman ini memakai',
  '. You can use this file in your own front end.':
    '. File itu bisa Anda pakai di front end Anda sendiri.',
  'Log in': 'Login',
  'E-mail': 'E-mail',
  Name: 'Nama',
  'Lifetime of the first access token': 'Umur access token pertama',
  'Lifetime of the refresh token': 'Umur refresh token',
  'Lifetime after a refresh (': 'Umur setelah refresh (',
  '20 seconds': '20 detik',
  '1 minute': '1 menit',
  '10 minutes': '10 menit',
  '1 hour': '1 jam',
  '1 day': '1 hari',
  '30 days': '30 hari',
  'The default of the server (limit not sent)': 'Nilai bawaan server (limit tidak dikirim)',
  'Place of the refresh token': 'Tempat refresh token',
  'The storage of the browser': 'Penyimpanan browser (storage)',
  'A cookie that no script can read': 'Cookie yang tidak bisa dibaca skrip',
  'A cookie (start the server with --browser-door)':
    'Cookie (jalankan server dengan --browser-door)',
  'Access token': 'Access token',
  left: 'lagi',
  expired: 'kadaluarsa',
  "{expired}, which is {until} by the server's clock": '{expired}, yaitu {until} menurut jam server',
  'Expires {expires}': 'Kadaluarsa {expires}',
  Claims: 'Isi token (claims)',
  'Encoded token': 'Token aslinya',
  'Refresh token': 'Refresh token',
  'Remaining lifetime': 'Sisa umur',
  'Claims of the access token': 'Isi access token',
  'The access token': 'Access token',
  'Claims of the refresh token': 'Isi refresh token',
  'The refresh token': 'Refresh token',
  'not a JWT': 'bukan JWT',
  'It is in a cookie that no script can read. Not even this page knows it.':
    'Ada di cookie yang tidak bisa dibaca skrip. Halaman ini pun tidak mengetahuinya.',
  Try: 'Coba',
  'When to refresh': 'Kapan harus refresh',
  'Call the API': 'Panggil API',
  'Refreshes first if the access token has expired or expires soon.':
    'Refresh dulu jika access token sudah atau hampir kadaluarsa.',
  'Open the dashboard': 'Buka dashboard',
  'Refreshes each time this page opens, even if the access token is still valid.':
    'Refresh setiap kali halaman ini dibuka, walaupun access token masih berlaku.',
  'Failures that pass': 'Kegagalan sementara',
  'Lose an answer': 'Hilangkan jawaban',
  'The server refreshes, but its answer does not arrive. session.js tries again.':
    'Server me-refresh, tetapi jawabannya tidak sampai. session.js mencoba lagi.',
  'Spoil the access token': 'Rusak access token',
  'The API answers 401. session.js refreshes once and sends the request again.':
    'API menjawab 401. session.js me-refresh sekali dan mengirim ulang request.',
  'The end of a session': 'Akhir sesi',
  'Expire the refresh token': 'Buat refresh token kadaluarsa',
  'The server answers 421. session.js deletes both tokens. The page shows the login.':
    'Server menjawab 421. session.js menghapus kedua token. Halaman menampilkan login.',
  'Revoke the refresh token': 'Cabut refresh token',
  'The server answers 422, as if you had logged out on another device. The page shows the login.':
    'Server menjawab 422, seperti jika Anda logout di perangkat lain. Halaman menampilkan login.',
  'Log out': 'Logout',
  'Deletes both tokens and asks the server to revoke the session.':
    'Menghapus kedua token dan meminta server mencabut sesi.',
  'The story of a thief': 'Kisah seorang pencuri',
  'Steal the refresh token': 'Curi refresh token',
  'A thief copies the refresh token and uses it later. Watch whether the server notices.':
    'Seorang pencuri menyalin refresh token dan memakainya nanti. Lihat apakah server menyadarinya.',
  'Two tabs': 'Dua tab',
  'Open a second tab': 'Buka tab kedua',
  'Both tabs use the same session.': 'Kedua tab memakai sesi yang sama.',
  'Refresh in all tabs at once': 'Refresh di semua tab sekaligus',
  'The tabs take turns: no tab is logged out.': 'Tab bergiliran: tidak ada tab yang ter-logout.',
  'Time line': 'Linimasa',
  Clear: 'Bersihkan',
  'Nothing has happened yet.': 'Belum ada yang terjadi.',
  'Request and answer': 'Request dan jawaban',
  'Your refresh token has expired (421). Please log in again.':
    'Refresh token Anda sudah kadaluarsa (421). Silakan login lagi.',
  'The server rejected your refresh token (422). Please log in again.':
    'Server menolak refresh token Anda (422). Silakan login lagi.',
  'You have logged out in another tab.': 'Anda logout di tab lain.',
  'You have logged out.': 'Anda sudah logout.',
  'Please log in first.': 'Silakan login dulu.',
  'Back to the login': 'Kembali ke login',
  'Logged in: both tokens are stored': 'Login berhasil: kedua token disimpan',
  'Logged in: the refresh token is in the cookie':
    'Login berhasil: refresh token ada di cookie',
  'Refreshed: the new access token replaces the old one':
    'Refresh berhasil: access token baru menimpa yang lama',
  'Another tab has stored new tokens': 'Tab lain menyimpan token baru',
  'Another user has logged in, in another tab': 'User lain login di tab lain',
  'The refresh failed. The page stays logged in and tries again in {seconds} s':
    'Refresh gagal. Halaman tetap login dan mencoba lagi dalam {seconds} detik',
  'The API accepts the access token': 'API menerima access token',
  'The API rejects the access token': 'API menolak access token',
  'Logging in with a refresh token that expires after one second …':
    'Login dengan refresh token yang kadaluarsa setelah satu detik …',
  'The browser has removed the expired cookie, so the server finds none':
    'Browser sudah menghapus cookie yang kadaluarsa, jadi server tidak menemukannya',
  'The server has not confirmed the logout. session.js tries again':
    'Server belum memastikan logout. session.js mencoba lagi',
  'All tabs refresh now': 'Semua tab refresh sekarang',
  'This tab has the new token': 'Tab ini sudah punya token baru',
  'You stay logged in. Try again later.': 'Anda tetap login. Coba lagi nanti.',
  'The server did not revoke the token: {status}': 'Server tidak mencabut token: {status}',
  '{path}: no answer': '{path}: tidak ada jawaban',
  '{path}: {status}, but the answer is lost': '{path}: {status}, tetapi jawabannya hilang',
  'The thief finds no refresh token: no script can read the cookie. The story ends here.':
    'Pencuri tidak menemukan refresh token: skrip tidak bisa membaca cookie. Kisahnya selesai.',
  'A thief has copied your refresh token': 'Seorang pencuri menyalin refresh token Anda',
  'You refresh as usual': 'Anda me-refresh seperti biasa',
  'The thief waits {seconds} s, until nobody takes the copy for a retry':
    'Pencuri menunggu {seconds} detik, sampai salinannya tidak dianggap sebagai percobaan ulang',
  'The thief refreshes with the copy: {status}': 'Pencuri me-refresh dengan salinannya: {status}',
  'The server has noticed that a used token came again. The session is revoked, for the thief too':
    'Server menyadari token bekas datang lagi. Sesi dicabut, juga untuk pencuri',
  'Nobody notices: rotation is off. Start the server with --rotation, or log out to stop the thief':
    'Tidak ada yang menyadari: rotasi mati. Jalankan server dengan --rotation, atau logout untuk menghentikan pencuri',
};

const chosen = navigator.language.startsWith('id') ? indonesian : undefined;

/** Returns a text in the language of the browser. {name} is replaced by `values.name`. */
export function t(text, values = {}) {
  const words = chosen?.[text] ?? text;
  return words.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Translates the texts and labels below an element, and leads to the manual in Indonesian. */
export function translate(root) {
  if (!chosen) return;
  document.documentElement.lang = 'id';
  for (const element of root.querySelectorAll('[aria-label]')) {
    element.setAttribute('aria-label', t(element.getAttribute('aria-label')));
  }
  root.querySelector('a[href="/docs/README.md"]').href = '/docs/id/README.md';
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = node.data.replace(/\s+/g, ' ').trim();
    if (!Object.hasOwn(chosen, text) || node.parentElement.closest('code')) continue;
    node.data = node.data.replace(/\S(.*\S)?/s, () => chosen[text]);
  }
}
